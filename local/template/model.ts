import { DistributaryError } from '../../core/errors.ts';
import { type Alarm, alarmKind } from './alarming.ts';
import type { Assembly } from './assembly.ts';
import {
  type AsyncInvocation,
  asyncInvocationKind,
  type CustomResource,
  customResourceKind,
  type EventSourceMapping,
  type FunctionModel,
  functionKind,
  mappingKind,
} from './compute.ts';
import { type HttpIntegration, type HttpRoute, integrationKind, routeKind } from './http.ts';
import { reasonToIgnore } from './ignored.ts';
import { dependenciesOf, Evaluator, type Identity, type Resource } from './intrinsics.ts';
import type { Kind, Surroundings } from './kind.ts';
import { type Queue, queueKind, type Subscription, subscriptionKind, type Topic, topicKind } from './messaging.ts';
import { type CacheServer, type Cluster, cacheKind, clusterKind, domainKind, type SearchDomain } from './servers.ts';
import { type Bucket, bucketKind, type Table, tableKind } from './storage.ts';
import { ruleKind, type Schedule } from './timing.ts';

/** What the templates of an app ask for, with every reference resolved. */
export interface Model {
  readonly queues: readonly Queue[];
  readonly topics: readonly Topic[];
  readonly subscriptions: readonly Subscription[];
  readonly buckets: readonly Bucket[];
  readonly tables: readonly Table[];
  readonly clusters: readonly Cluster[];
  readonly domains: readonly SearchDomain[];
  readonly caches: readonly CacheServer[];
  readonly functions: readonly FunctionModel[];
  readonly asyncInvocations: readonly AsyncInvocation[];
  readonly httpIntegrations: readonly HttpIntegration[];
  readonly httpRoutes: readonly HttpRoute[];
  readonly mappings: readonly EventSourceMapping[];
  readonly schedules: readonly Schedule[];
  readonly alarms: readonly Alarm[];
  /** Each after those that it depends on. */
  readonly customResources: readonly CustomResource[];
}

/** Where what each kind builds is collected. */
const KINDS: { readonly [Part in keyof Model]: readonly Kind<Model[Part][number] | Model[Part]>[] } = {
  queues: [queueKind],
  topics: [topicKind],
  subscriptions: [subscriptionKind],
  buckets: [bucketKind],
  tables: [tableKind],
  clusters: [clusterKind],
  domains: [domainKind],
  caches: [cacheKind],
  functions: [functionKind],
  asyncInvocations: [asyncInvocationKind],
  httpIntegrations: [integrationKind],
  httpRoutes: [routeKind],
  mappings: [mappingKind],
  schedules: [ruleKind],
  alarms: [alarmKind],
  customResources: [customResourceKind],
};

const PARTS = Object.keys(KINDS) as (keyof Model)[];
const KNOWN = new Map(
  PARTS.flatMap(part => KINDS[part].flatMap(kind => kind.types.map(type => [type, { part, kind }] as const))),
);

function kindFor(type: string) {
  if (customResourceKind.matches(type)) return { part: 'customResources', kind: customResourceKind } as const;
  return KNOWN.get(type);
}

/**
 * Interprets the templates for servers at these places. Throws `template-unsupported` naming everything in the app that
 * local mode does not know: resource types, properties, attributes, intrinsic functions.
 */
export function readModel(assembly: Assembly, surroundings: Surroundings): Model {
  return new Interpreter(assembly, surroundings).read();
}

class Interpreter {
  readonly #evaluator: Evaluator;
  readonly #surroundings: Surroundings;
  readonly #identities = new Map<string, Identity>();

  constructor(assembly: Assembly, surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.#evaluator = new Evaluator(assembly, resource => this.#identify(resource));
  }

  read(): Model {
    const parts = Object.fromEntries(PARTS.map(part => [part, [] as unknown[]]));
    const problems: string[] = [];
    for (const resource of inOrder([...this.#evaluator.resources()])) {
      try {
        const built = this.#build(resource);
        if (built) parts[built.part]!.push(...[built.value].flat());
      } catch (error) {
        if (!(error instanceof DistributaryError)) throw error;
        problems.push(error.message);
      }
    }
    if (problems.length > 0) throw new DistributaryError('template-unsupported', [...new Set(problems)].join('\n'));
    return parts as unknown as Model;
  }

  #build(resource: Resource): { part: keyof Model; value: unknown } | undefined {
    const { stack, raw } = resource;
    const id = idOf(resource);
    const known = kindFor(raw.Type);
    if (!known) {
      if (reasonToIgnore(raw.Type) === undefined) {
        throw new DistributaryError('template-unsupported', `${id}: resource type ${raw.Type}`);
      }
      return undefined;
    }
    const properties = this.#evaluator.evaluate(raw.Properties, stack) as Record<string, unknown>;
    const value = known.kind.build(properties, {
      id,
      type: raw.Type,
      identity: this.#identify(resource),
      asset: objectKey => stack.assets.get(objectKey),
      after: [...dependenciesOf(resource)].map(logicalId => `${stack.name}/${logicalId}`),
    });
    return { part: known.part, value };
  }

  #identify(resource: Resource): Identity {
    const id = idOf(resource);
    const { stack, logicalId, raw } = resource;
    let identity = this.#identities.get(id);
    if (!identity) {
      const kind = kindFor(raw.Type)?.kind ?? ignoredKind;
      identity = kind.identify({
        id,
        type: raw.Type,
        surroundings: this.#surroundings,
        named: property =>
          String(this.#evaluator.evaluate(raw.Properties[property], stack) ?? `${stack.name}-${logicalId}`),
      });
      this.#identities.set(id, identity);
    }
    return identity;
  }
}

/** What is ignored may still be referred to, such as a role by its function. */
const ignoredKind = {
  identify: ({ id }: { id: string }): Identity => ({ ref: id, attribute: name => `${id}.${name}` }),
};

const idOf = ({ stack, logicalId }: Resource): string => `${stack.name}/${logicalId}`;

/** Each resource after those of its stack that it refers to. */
function inOrder(resources: readonly Resource[]): Resource[] {
  const byId = new Map(resources.map(resource => [idOf(resource), resource]));
  const ordered = new Set<Resource>();
  const visiting = new Set<Resource>();
  const visit = (resource: Resource): void => {
    if (ordered.has(resource) || visiting.has(resource)) return;
    visiting.add(resource);
    for (const logicalId of dependenciesOf(resource)) {
      const needed = byId.get(`${resource.stack.name}/${logicalId}`);
      if (needed) visit(needed);
    }
    ordered.add(resource);
  };
  resources.forEach(visit);
  return [...ordered];
}

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Bundles, bundleFunctions } from '../lib/bundles.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { synthesise } from '../lib/pipeline-app.ts';

export const ROOT = resolve(import.meta.dirname, '..');

/** A template's JSON, as deep as a test looks. */
// biome-ignore lint/suspicious/noExplicitAny: CloudFormation's properties are as many as AWS has resources
export type Properties = any;

export interface Resource {
  readonly stack: string;
  readonly id: string;
  /** Where in the construct tree it was made. */
  readonly path: string;
  readonly type: string;
  readonly properties: Properties;
  readonly deletionPolicy: string | undefined;
}

interface Template {
  readonly Parameters?: Readonly<Record<string, { readonly Type: string; readonly Default: string }>>;
  readonly Outputs?: object;
  readonly Resources: Readonly<
    Record<string, { Type: string; Properties?: Properties; DeletionPolicy?: string; Metadata?: Properties }>
  >;
}

/** The whole app as CloudFormation gets it, to be asked questions. */
export class Templates {
  readonly stacks: ReadonlyMap<string, Template>;
  readonly resources: readonly Resource[];

  constructor(folder: string) {
    const files = readdirSync(folder).filter(name => name.endsWith('.template.json'));
    this.stacks = new Map(
      files.map(name => [name.replace('.template.json', ''), JSON.parse(readFileSync(join(folder, name), 'utf8'))]),
    );
    this.resources = [...this.stacks].flatMap(([stack, { Resources }]) =>
      Object.entries(Resources).map(([id, { Type, Properties, DeletionPolicy, Metadata }]) => ({
        stack,
        id,
        path: Metadata?.['aws:cdk:path'] ?? id,
        type: Type,
        properties: Properties ?? {},
        deletionPolicy: DeletionPolicy,
      })),
    );
  }

  of(type: string, stack?: string): readonly Resource[] {
    return this.resources.filter(resource => resource.type === type && (stack ?? resource.stack) === resource.stack);
  }

  /** The one resource of the type whose property has the value. */
  one(type: string, property: string, value: unknown): Resource {
    const found = this.of(type).filter(({ properties }) => properties[property] === value);
    if (found.length !== 1) throw new Error(`${found.length} resources ${type} with ${property} ${String(value)}`);
    return found[0]!;
  }

  /** What a `Ref` or `Fn::GetAtt` of the resource's stack leads to. */
  referred(stack: string, reference: Properties): Resource {
    const id = reference.Ref ?? reference['Fn::GetAtt'][0];
    const found = this.resources.find(resource => resource.stack === stack && resource.id === id);
    if (!found) throw new Error(`${stack} has no resource ${id}`);
    return found;
  }

  /** Allow statements of the role of a function. */
  permissionsOf(
    functionName: string,
  ): readonly { actions: string[]; resources: Properties[]; condition: Properties }[] {
    const { stack, properties } = this.one('AWS::Lambda::Function', 'FunctionName', functionName);
    const role = properties.Role['Fn::GetAtt'][0];
    return this.of('AWS::IAM::Policy', stack)
      .filter(policy => policy.properties.Roles.some(({ Ref }: Properties) => Ref === role))
      .flatMap(policy => policy.properties.PolicyDocument.Statement)
      .filter(({ Effect }) => Effect === 'Allow')
      .map(({ Action, Resource, Condition }) => ({
        actions: [Action].flat(),
        resources: [Resource].flat(),
        condition: Condition,
      }));
  }
}

/** Bundles of this repository for several syntheses, which they take most of the time of. */
export const bundled = (): Promise<Bundles> => bundleFunctions(readCatalogue(ROOT), ROOT);

/** Synthesises this repository into a folder that is gone afterwards. */
export async function synthesised(
  checkTemplates: boolean,
  context: Readonly<Record<string, string>> = {},
  bundles?: Bundles,
): Promise<Templates> {
  const outdir = mkdtempSync(join(tmpdir(), 'distributary-synth-'));
  try {
    await synthesise({ root: ROOT, outdir, checkTemplates, context, ...(bundles && { bundles }) });
    return new Templates(outdir);
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

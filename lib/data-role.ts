import { CfnResource, TagManager, Tags } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Catalogue } from '../core/catalogue.ts';
import { DistributaryError } from '../core/errors.ts';
import { ROLES, type StoreContract } from '../core/store-contract.ts';
import { STATEFUL_TYPES } from './stateful-types.ts';

/** A shared resource belongs to several stores; a tag's value may hold a space, and no comma. */
const SEPARATOR = ' ';

/** Says on every resource within `scope` whose data it holds and what that data is worth. */
export function tagWithRole(scope: IConstruct, ...contracts: readonly [StoreContract, ...StoreContract[]]): void {
  for (const [key, value] of Object.entries(roleTags(...contracts))) Tags.of(scope).add(key, value);
}

/** The tags of all that belongs to these stores. */
export function roleTags(...contracts: readonly [StoreContract, ...StoreContract[]]): Readonly<Record<string, string>> {
  const each = (of: (contract: StoreContract) => string): string => [...new Set(contracts.map(of))].join(SEPARATOR);
  return {
    'data:role': each(({ role }) => role),
    'data:store': each(({ store_name }) => store_name),
    'data:owner': each(({ owner_team }) => owner_team),
    'data:canonical-source': each(({ canonical_source, store_name }) => canonical_source ?? store_name),
    'data:pii': String(contracts.some(({ security }) => security.contains_pii)),
    'data:freshness': each(({ freshness_contract: promise }) =>
      promise ? `${promise.maximum_before_alert}s` : 'none',
    ),
  };
}

/** A database that nobody has declared, or that says of itself what its contract does not. */
export interface RoleDefect {
  readonly constructPath: string;
  readonly error: DistributaryError;
}

/** Finds whatever keeps data and does not carry the role and the store of a contract. Look once all tags are applied. */
export const roleDefects = (app: IConstruct, catalogue: Catalogue): readonly RoleDefect[] =>
  app.node.findAll().flatMap(node => {
    if (!CfnResource.isCfnResource(node) || !STATEFUL_TYPES.has(node.cfnResourceType)) return [];
    const error = defectOf(node, catalogue);
    return error ? [{ constructPath: node.node.path, error }] : [];
  });

/** The first resource that says it is this store's. */
export const resourceOf = (app: IConstruct, store: string): CfnResource | undefined =>
  app.node
    .findAll()
    .filter(node => CfnResource.isCfnResource(node))
    .find(node => tagsOf(node)['data:store']?.split(SEPARATOR).includes(store));

function defectOf(node: CfnResource, { stores }: Catalogue): DistributaryError | undefined {
  const tags = tagsOf(node);
  const what = `${node.cfnResourceType} at ${node.node.path}`;
  const named = tags['data:store']?.split(SEPARATOR);
  if (!named) {
    const hint = `add contracts/stores/${suggestedStore(node)}.yaml and call tagWithRole(construct, contract)`;
    return new DistributaryError('contract-missing', `${what} keeps data without a contract`, { hint });
  }
  const unknown = named.find(store => !stores.some(({ store_name }) => store_name === store));
  if (unknown !== undefined) {
    const hint = `add contracts/stores/${unknown}.yaml`;
    return new DistributaryError('contract-missing', `${what} belongs to store ${unknown}, which has none`, { hint });
  }
  const roles = tags['data:role']?.split(SEPARATOR) ?? [];
  if (roles.length > 0 && roles.every(role => (ROLES as readonly string[]).includes(role))) return undefined;
  const hint = `roles: ${ROLES.join(', ')}; correct contracts/stores/${named[0]}.yaml and call tagWithRole(construct, contract)`;
  return new DistributaryError('contract-invalid', `${what} has role "${tags['data:role'] ?? ''}"`, { hint });
}

/** CDK's own names for what a construct of it consists of. */
const INNER_IDS = ['Resource', 'Default'];

/** `team/CaseExports/Resource` may well be called `case-exports`. */
function suggestedStore({ node }: CfnResource): string {
  const id = node.path.split('/').findLast(part => !INNER_IDS.includes(part)) ?? node.id;
  const kebab = id.replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2').replaceAll(/[^A-Za-z0-9]+/g, '-');
  return kebab.toLowerCase();
}

/** A global table has no tags of its own but one set to a replica, which its construct keeps. */
const tagsOf = (resource: CfnResource): Readonly<Record<string, string>> =>
  (TagManager.of(resource) ?? TagManager.of(resource.node.scope))?.tagValues() ?? {};

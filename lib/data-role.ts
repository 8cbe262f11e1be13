import { Annotations, CfnResource, type IAspect, TagManager, Tags } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Catalogue } from '../core/catalogue.ts';
import { DistributaryError } from '../core/errors.ts';
import { ROLES, type StoreContract } from '../core/store-contract.ts';

/** A shared resource belongs to several stores; a tag's value may hold a space, and no comma. */
const SEPARATOR = ' ';

/** Says on every resource within `scope` whose data it holds and what that data is worth. */
export function tagWithRole(scope: IConstruct, ...contracts: readonly [StoreContract, ...StoreContract[]]): void {
  const each = (of: (contract: StoreContract) => string): string => [...new Set(contracts.map(of))].join(SEPARATOR);
  const tags = {
    'data:role': each(({ role }) => role),
    'data:store': each(({ store_name }) => store_name),
    'data:owner': each(({ owner_team }) => owner_team),
    'data:canonical-source': each(({ canonical_source, store_name }) => canonical_source ?? store_name),
    'data:pii': String(contracts.some(({ security }) => security.contains_pii)),
    'data:freshness': each(({ freshness_contract: promise }) =>
      promise ? `${promise.maximum_before_alert}s` : 'none',
    ),
  };
  for (const [key, value] of Object.entries(tags)) Tags.of(scope).add(key, value);
}

/** Resource types that keep data when nothing runs. A topic is not among them: it passes on, or loses. */
const STATEFUL = new Set([
  'AWS::Cassandra::Table',
  'AWS::DocDB::DBCluster',
  'AWS::DynamoDB::GlobalTable',
  'AWS::DynamoDB::Table',
  'AWS::EC2::Volume',
  'AWS::EFS::FileSystem',
  'AWS::ElastiCache::ReplicationGroup',
  'AWS::ElastiCache::ServerlessCache',
  'AWS::Elasticsearch::Domain',
  'AWS::Kinesis::Stream',
  'AWS::KinesisFirehose::DeliveryStream',
  'AWS::MemoryDB::Cluster',
  'AWS::MSK::Cluster',
  'AWS::Neptune::DBCluster',
  'AWS::OpenSearchServerless::Collection',
  'AWS::OpenSearchService::Domain',
  'AWS::RDS::DBCluster',
  'AWS::RDS::DBInstance',
  'AWS::Redshift::Cluster',
  'AWS::S3::Bucket',
  'AWS::SQS::Queue',
  'AWS::Timestream::Table',
]);

/**
 * Refuses a database nobody has declared: whatever keeps data carries the role and the store of a contract. Runs after
 * the tags have been applied, so give it the priority `AspectPriority.READONLY`.
 */
export class DataRoles implements IAspect {
  /** What was refused, also reported as an error at the construct. */
  readonly defects: DistributaryError[] = [];
  readonly #catalogue: Catalogue;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  visit(node: IConstruct): void {
    if (!CfnResource.isCfnResource(node) || !STATEFUL.has(node.cfnResourceType)) return;
    const defect = this.#defectOf(node);
    if (!defect) return;
    this.defects.push(defect);
    Annotations.of(node).addError(defect.describe());
  }

  #defectOf(node: CfnResource): DistributaryError | undefined {
    const tags = tagsOf(node);
    const what = `${node.cfnResourceType} at ${node.node.path}`;
    const stores = tags['data:store']?.split(SEPARATOR);
    if (!stores) {
      const hint = 'add contracts/stores/<store>.yaml and call tagWithRole(construct, contract)';
      return new DistributaryError('contract-missing', `${what} keeps data without a contract`, { hint });
    }
    const unknown = stores.find(store => !this.#catalogue.stores.some(({ store_name }) => store_name === store));
    if (unknown !== undefined) {
      const hint = `add contracts/stores/${unknown}.yaml`;
      return new DistributaryError('contract-missing', `${what} belongs to store ${unknown}, which has none`, { hint });
    }
    const roles = tags['data:role']?.split(SEPARATOR) ?? [];
    if (roles.length > 0 && roles.every(role => (ROLES as readonly string[]).includes(role))) return undefined;
    const hint = `roles: ${ROLES.join(', ')}; call tagWithRole(construct, contract)`;
    return new DistributaryError('contract-invalid', `${what} has role "${tags['data:role'] ?? ''}"`, { hint });
  }
}

/** A global table has no tags of its own but one set to a replica, which its construct keeps. */
const tagsOf = (resource: CfnResource): Readonly<Record<string, string>> =>
  (TagManager.of(resource) ?? TagManager.of(resource.node.scope))?.tagValues() ?? {};

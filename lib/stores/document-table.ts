import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, Billing, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import type { dynamoVariables, EnvironmentOf } from '../../core/environment.ts';
import { DistributaryError } from '../../core/errors.ts';
import { type ProjectedContract, protectedFields } from '../../core/store-contract.ts';
import { tableLayout } from '../../core/table-layout.ts';
import type { BundledFunction } from '../bundled-function.ts';
import type { ControlTable } from '../control-table.ts';
import type { ProjectedStore } from './projected-store.ts';

export interface DocumentTableProps {
  readonly contract: ProjectedContract;
  readonly tableName: string;
  readonly control: ControlTable;
  /** Keep the table when its stack is deleted. A rebuild makes it again. */
  readonly keep: boolean;
}

/** The first table of a DynamoDB store. The tables of later rebuilds are named after it and shaped like it. */
export class DocumentTable extends Construct implements ProjectedStore {
  readonly table: TableV2;
  readonly variables: EnvironmentOf<typeof dynamoVariables>;

  constructor(scope: Construct, id: string, { contract, tableName, control, keep }: DocumentTableProps) {
    super(scope, id);
    mustNotProtect(contract);
    const { partition, sort, keyTypes, indexes } = tableLayout(contract);
    const attribute = (name: string) => ({
      name,
      type: keyTypes[name] === 'N' ? AttributeType.NUMBER : AttributeType.STRING,
    });
    this.table = new TableV2(this, 'Table', {
      tableName,
      partitionKey: attribute(partition),
      sortKey: attribute(sort),
      globalSecondaryIndexes: indexes.map(index => ({
        indexName: index.name,
        partitionKey: attribute(index.partition),
        ...(index.sort !== undefined && { sortKey: attribute(index.sort) }),
      })),
      billing: Billing.onDemand(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: keep ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.variables = { TABLE_NAME: this.table.tableName, CONTROL_TABLE: control.tableName };
  }

  allowWrite(fn: BundledFunction): void {
    fn.allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'], this.#generations());
  }

  allowProvision(fn: BundledFunction): void {
    const actions = ['CreateTable', 'DescribeTable', 'ListTagsOfResource', 'TagResource', 'UpdateContinuousBackups'];
    fn.allow(
      actions.map(action => `dynamodb:${action}`),
      this.#generations(),
    );
  }

  /** This table, and those that rebuilds make: no store's name holds a dot, so no other store's table matches. */
  #generations(): readonly string[] {
    return [this.table.tableArn, `${this.table.tableArn}.*`];
  }
}

/** A field that is said to be protected and is not would be worse than one that is not said to be. */
function mustNotProtect(contract: ProjectedContract): void {
  const [field] = protectedFields(contract);
  if (field === undefined) return;
  const hint = 'leave protected out: the template gives no keys to the functions of a store yet';
  const what = `store ${contract.store_name}: field ${field} is protected, and nothing would seal it`;
  throw new DistributaryError('contract-invalid', what, { hint });
}

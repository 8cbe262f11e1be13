import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, Billing, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import type { dynamoVariables, EnvironmentOf } from '../../core/environment.ts';
import { isProtectedContract, type ProjectedContract } from '../../core/store-contract.ts';
import { tableLayout } from '../../core/table-layout.ts';
import type { BundledFunction } from '../bundled-function.ts';
import type { ControlTable } from '../control-table.ts';
import type { Names } from '../names.ts';
import type { ProjectedStore } from './projected-store.ts';
import { allowSeal, keyVariables, ProtectionKeys } from './protection-keys.ts';

export interface DocumentTableProps {
  readonly contract: ProjectedContract;
  readonly names: Names;
  readonly control: ControlTable;
  /** Keep the table when its stack is deleted. A rebuild makes it again. */
  readonly keep: boolean;
}

/** The first table of a DynamoDB store. The tables of later rebuilds are named after it and shaped like it. */
export class DocumentTable extends Construct implements ProjectedStore {
  readonly table: TableV2;
  readonly variables: EnvironmentOf<typeof dynamoVariables>;
  /** Where fields are protected. */
  readonly keys: ProtectionKeys | undefined;

  constructor(scope: Construct, id: string, { contract, names, control, keep }: DocumentTableProps) {
    super(scope, id);
    const { partition, sort, keyTypes, indexes } = tableLayout(contract);
    const attribute = (name: string) => ({
      name,
      type: keyTypes[name] === 'N' ? AttributeType.NUMBER : AttributeType.STRING,
    });
    this.table = new TableV2(this, 'Table', {
      tableName: names.table(contract.store_name),
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
    this.keys = isProtectedContract(contract) ? new ProtectionKeys(this, 'Keys', { contract, names }) : undefined;
    this.variables = { TABLE_NAME: this.table.tableName, CONTROL_TABLE: control.tableName };
  }

  allowWrite(fn: BundledFunction): void {
    fn.allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'], this.#generations());
    if (this.keys) allowSeal(fn, this.keys);
  }

  /** What a projector needs besides: it seals, and opens nothing. */
  get writeVariables(): Readonly<Record<string, string>> {
    return { ...(this.keys && keyVariables(this, [this.keys])) };
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

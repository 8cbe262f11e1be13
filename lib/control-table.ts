import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AttributeType, Billing, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import type { StoreContract } from '../core/store-contract.ts';
import type { BundledFunction } from './bundled-function.ts';
import { tagWithRole } from './data-role.ts';

/** The table of functions/control.ts as any stack sees it. */
export class ControlTable {
  readonly tableName: string;

  constructor(tableName: string) {
    this.tableName = tableName;
  }

  /** Lets the function do this with the items of one store, and see no other. */
  allow(fn: BundledFunction, store: string, actions: readonly ControlAction[]): void {
    this.#allow(fn, actions, `store#${store}`);
  }

  /** Lets the function note, or see, what reads a store. */
  allowReads(fn: BundledFunction, store: string, actions: readonly ControlAction[]): void {
    this.#allow(fn, actions, `reads#${store}`);
  }

  /** Lets the function note what it did, and read nothing of what others have noted. */
  allowAudit(fn: BundledFunction): void {
    this.#allow(fn, ['PutItem'], 'audit');
  }

  /** Lets the function do this with every item. */
  allowAll(fn: BundledFunction, actions: readonly ControlAction[]): void {
    this.#allow(fn, actions);
  }

  #allow(fn: BundledFunction, actions: readonly ControlAction[], group?: string): void {
    const arn = Stack.of(fn).formatArn({
      service: 'dynamodb',
      resource: 'table',
      resourceName: this.tableName,
    });
    fn.allow(
      actions.map(action => `dynamodb:${action}`),
      [arn],
      group === undefined ? {} : { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [group] } },
    );
  }
}

export type ControlAction = 'GetItem' | 'Query' | 'PutItem' | 'UpdateItem' | 'DeleteItem';

/** Makes the table: which targets a store has, how far it has come, and every operation under way. */
export class ControlTableResource extends Construct {
  readonly table: TableV2;

  constructor(scope: Construct, id: string, { contract, tableName }: { contract: StoreContract; tableName: string }) {
    super(scope, id);
    this.table = new TableV2(this, 'Table', {
      tableName,
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billing: Billing.onDemand(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: RemovalPolicy.RETAIN,
    });
    tagWithRole(this, contract);
  }
}

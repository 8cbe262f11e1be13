import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { GivenKeys } from '../../core/protection.ts';
import type { ProtectedContract } from '../../core/store-contract.ts';
import type { Permitted } from '../bundled-function.ts';
import type { Names } from '../names.ts';
import type { SharedValues } from '../shared-values.ts';

/** The keys of a store's protected fields, the one that seals first. */
export interface StoreKeys {
  readonly store: string;
  readonly keys: readonly { readonly name: string; readonly arn: string }[];
}

export interface ProtectionKeysProps {
  readonly contract: ProtectedContract;
  readonly names: Names;
}

/** How long a key that is not named any more can be had back: `aws kms cancel-key-deletion`. The most that KMS waits. */
const PENDING_DAYS = 30;

/** A key of KMS to each name in the contract. What is in no function's hands any more is destroyed, and what it sealed with it. */
export class ProtectionKeys extends Construct implements StoreKeys {
  readonly store: string;
  readonly keys: StoreKeys['keys'];

  constructor(scope: Construct, id: string, { contract, names }: ProtectionKeysProps) {
    super(scope, id);
    this.store = contract.store_name;
    this.keys = contract.protection.keys.map(name => {
      const key = new Key(this, `Key-${name}`, {
        alias: names.keyAlias(this.store, name),
        description: `Protects fields of ${this.store}: ${name}`,
        enableKeyRotation: true,
        pendingWindow: Duration.days(PENDING_DAYS),
        removalPolicy: RemovalPolicy.DESTROY,
      });
      return { name, arn: key.keyArn };
    });
  }
}

/** For the stacks of those who read the store. */
export function publishKeys(scope: Construct, shared: SharedValues, { store, keys }: StoreKeys): void {
  for (const { name, arn } of keys) shared.publishKey(scope, store, name, arn);
}

export const readKeys = (scope: Construct, shared: SharedValues, contract: ProtectedContract): StoreKeys => ({
  store: contract.store_name,
  keys: contract.protection.keys.map(name => ({ name, arn: shared.readKey(scope, contract.store_name, name) })),
});

/** What a function is told of them; nothing where no field is protected. */
export function keyVariables(
  scope: Construct,
  stores: readonly StoreKeys[],
): { readonly PROTECTION_KEYS: string } | undefined {
  if (stores.length === 0) return undefined;
  const given: GivenKeys = Object.fromEntries(
    stores.map(({ store, keys }) => [store, keys.map(({ name, arn: kms }) => ({ name, kms }))]),
  );
  return { PROTECTION_KEYS: Stack.of(scope).toJsonString(given) };
}

/** Seals under the first key, for this store only: KMS is told whose value it is, and holds whoever asks to it. */
export function allowSeal(fn: Permitted, { store, keys }: StoreKeys): void {
  fn.allow(['kms:GenerateDataKey'], [keys[0]!.arn], ofStore(store));
}

export function allowOpen(fn: Permitted, { store, keys }: StoreKeys): void {
  fn.allow(
    ['kms:Decrypt'],
    keys.map(({ arn }) => arn),
    ofStore(store),
  );
}

const ofStore = (store: string) => ({ StringEquals: { 'kms:EncryptionContext:store': store } });

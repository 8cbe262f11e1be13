import { setTimeout as delay } from 'node:timers/promises';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { runCommandLine } from '../../bin/command-line.ts';
import { keysCommand } from '../../bin/commands/keys.ts';
import { redriveCommand } from '../../bin/commands/redrive.ts';
import { DistributaryError } from '../../core/errors.ts';
import type { Definition } from '../../core/projection.ts';
import { type GivenKeys, givenKeysSchema } from '../../core/protection.ts';
import type { Stored } from '../../core/store.ts';
import { type ProjectedContract, protectedFields } from '../../core/store-contract.ts';
import type { AggregateId } from '../../core/version.ts';
import { dynamoStore } from '../../functions/stores/dynamodb.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import { type OpenStores, openStores } from '../../local/verification/open-stores.ts';
import { type StoreVerdict, verifyStores } from '../../local/verify.ts';
import { capturedTerminal } from '../captured-terminal.ts';

const LOOK_EVERY_MS = 500;
/** Emulators make no bucket with object lock out of a template: docs/emulators.md. */
const NOT_EMULATED = 's3-object-lock';

/**
 * Waits until every store holds what a rebuild would give, document by document; else throws what differs. Throws too where
 * a protected field lies open in its table.
 */
export async function holdsAll(
  endpoints: Endpoints,
  definitions: readonly Definition[],
  withinMs: number,
): Promise<readonly StoreVerdict[]> {
  for (const deadline = Date.now() + withinMs; ; await delay(LOOK_EVERY_MS)) {
    const emulated = definitions.filter(({ contract }) => contract.engine !== NOT_EMULATED);
    // An emulator on a busy machine may keep a request waiting for longer than a client does.
    const verdicts = await verifyStores(endpoints, emulated).catch((error: unknown) => {
      if (error instanceof DistributaryError && error.retry === 'later' && Date.now() < deadline) return undefined;
      throw error;
    });
    if (!verdicts) continue;
    const drifting = verdicts.filter(({ drift }) => drift > 0);
    if (drifting.length === 0) {
      await mustBeSealed(endpoints, emulated);
      return verdicts;
    }
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${JSON.stringify(drifting, null, 2)}`);
  }
}

async function mustBeSealed(endpoints: Endpoints, definitions: readonly Definition[]): Promise<void> {
  const stores = openStores(endpoints);
  try {
    for (const { contract } of definitions.filter(({ contract: { protection } }) => protection)) {
      const tableName = endpoints.stores[contract.store_name]!.table!;
      const table = dynamoStore({ client: stores.dynamo, contract, control: stores.control, tableName });
      for await (const { key, document } of table.scan((await table.current())!, {})) {
        const open = protectedFields(contract).find(name => !/^sealed:/.test(String(document?.[name] ?? 'sealed:')));
        if (open !== undefined) throw new Error(`${contract.store_name}: ${open} of ${key} lies open`);
      }
    }
  } finally {
    stores.close();
  }
}

/** What a store holds under a key. */
export async function stored(
  stores: OpenStores,
  definitions: readonly Definition[],
  name: string,
  key: AggregateId,
): Promise<Stored | undefined> {
  const { contract } = definitions.find(definition => definition.contract.store_name === name)!;
  const store = stores.open(contract);
  const target = await store.current();
  return target && store.read(target, key);
}

/** The names of the keys that the protected fields of a store are sealed under, in its table. */
export async function sealedUnder(endpoints: Endpoints, contract: ProjectedContract): Promise<readonly string[]> {
  const stores = openStores(endpoints);
  try {
    const tableName = endpoints.stores[contract.store_name]!.table!;
    const table = dynamoStore({ client: stores.dynamo, contract, control: stores.control, tableName });
    const names = new Set<string>();
    for await (const { document } of table.scan((await table.current())!, {})) {
      for (const field of protectedFields(contract)) {
        const [, name] = /^sealed:([a-z0-9-]+):/.exec(String(document?.[field] ?? '')) ?? [];
        if (name !== undefined) names.add(name);
      }
    }
    return [...names].sort();
  } finally {
    stores.close();
  }
}

/** The keys of protected fields that the operations function was given. */
export async function givenKeys({ control: endpoint, region, credentials, operate }: Endpoints): Promise<GivenKeys> {
  const lambda = new LambdaClient({ endpoint, region, credentials: { ...credentials } });
  try {
    const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: operate }));
    return givenKeysSchema.parse(JSON.parse(Environment!.Variables!.PROTECTION_KEYS!));
  } finally {
    lambda.destroy();
  }
}

/** `distributary redrive` and `distributary keys rotate`, as a user types them. */
export const redrive = (...args: readonly string[]) => typed(['redrive', ...args]);
export const rotate = (...args: readonly string[]) => typed(['keys', 'rotate', ...args]);

async function typed(words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { terminal, out, err } = capturedTerminal();
  const line = { name: 'distributary', version: '0', summary: '', commands: [redriveCommand, keysCommand] };
  const { signal } = new AbortController();
  const code = await runCommandLine(line, words, { terminal, signal, debug: false });
  return { code, out: out(), err: err() };
}

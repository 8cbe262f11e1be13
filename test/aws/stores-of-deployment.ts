import { setTimeout as delay } from 'node:timers/promises';
import { runCommandLine } from '../../bin/command-line.ts';
import { redriveCommand } from '../../bin/commands/redrive.ts';
import type { Definition } from '../../core/projection.ts';
import type { Stored } from '../../core/store.ts';
import type { AggregateId } from '../../core/version.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import type { OpenStores } from '../../local/verification/open-stores.ts';
import { type StoreVerdict, verifyStores } from '../../local/verify.ts';
import { capturedTerminal } from '../captured-terminal.ts';

const LOOK_EVERY_MS = 500;
/** Emulators make no bucket with object lock out of a template: docs/emulators.md. */
const NOT_EMULATED = 's3-object-lock';

/** Waits until every store holds what a rebuild would give, document by document; else throws what differs. */
export async function holdsAll(
  endpoints: Endpoints,
  definitions: readonly Definition[],
  withinMs: number,
): Promise<readonly StoreVerdict[]> {
  for (const deadline = Date.now() + withinMs; ; await delay(LOOK_EVERY_MS)) {
    const emulated = definitions.filter(({ contract }) => contract.engine !== NOT_EMULATED);
    const verdicts = await verifyStores(endpoints, emulated);
    const drifting = verdicts.filter(({ drift }) => drift > 0);
    if (drifting.length === 0) return verdicts;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${JSON.stringify(drifting, null, 2)}`);
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

/** Runs `distributary redrive` as a user does. */
export async function redrive(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { terminal, out, err } = capturedTerminal();
  const line = { name: 'distributary', version: '0', summary: '', commands: [redriveCommand] };
  const { signal } = new AbortController();
  const code = await runCommandLine(line, ['redrive', ...args], { terminal, signal, debug: false });
  return { code, out: out(), err: err() };
}

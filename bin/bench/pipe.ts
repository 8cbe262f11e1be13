import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Definitions, readDefinitions } from '../../lib/definitions.ts';
import type { LocalMode } from '../../local/local-mode.ts';
import { startLocalMode } from '../../local/starting.ts';
import { importComplaints } from '../complaints/importing.ts';
import { localDestination } from '../complaints/local-destination.ts';
import { SAMPLE } from '../complaints/sample.ts';
import type { EngineOptions } from '../running/local-options.ts';
import { settle } from '../running/settled.ts';
import { type Child, startChild } from './child.ts';

/** The pipe in a local mode of its own, with the sample's cases in every store that it has. */
export interface Pipe {
  readonly mode: LocalMode;
  readonly definitions: Definitions;
  /** A supervisor of the bureau. */
  readonly actor: string;
  readonly load: Child;
  /** Waits until every store has all that was committed. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** @param stores of the projected ones; @default all */
export async function openPipe(
  engines: EngineOptions,
  onStep: (step: string) => void,
  signal: AbortSignal,
  stores?: readonly string[],
): Promise<Pipe> {
  const dataDir = mkdtempSync(join(tmpdir(), 'distributary-bench-'));
  // Search runs as a user without rights, who has to reach its folder.
  chmodSync(dataDir, 0o755);
  const undo: (() => unknown)[] = [() => rmSync(dataDir, { recursive: true, force: true })];
  const close = async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await step();
  };
  try {
    onStep('starting local mode');
    const mode = await startLocalMode({ ...engines, dataDir, ...(stores && { stores }) });
    undo.push(() => mode.stop());
    const definitions = ofStores(await readDefinitions(), stores);
    const settled = () => settle(mode.endpoints, definitions.catalogue, { signal });
    onStep('importing the sample');
    const destination = await localDestination(mode.endpoints);
    await importComplaints({ ...destination, file: SAMPLE, signal });
    await settled();
    const load = startChild(join(import.meta.dirname, 'load-process.ts'));
    undo.push(() => load.close());
    return { mode, definitions, actor: destination.actor, load, settled, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function ofStores({ catalogue, definitions }: Definitions, stores?: readonly string[]): Definitions {
  const isWanted = (name: string) => stores?.includes(name) ?? true;
  return {
    catalogue: { ...catalogue, projected: catalogue.projected.filter(({ store_name }) => isWanted(store_name)) },
    definitions: definitions.filter(({ contract }) => isWanted(contract.store_name)),
  };
}

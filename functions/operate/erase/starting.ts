import { DistributaryError } from '../../../core/errors.ts';
import type { OperateContext } from '../context.ts';
import type { Run } from '../runs/run.ts';
import { ERASURE, type EraseRequest } from './erase-run.ts';

/** How long whoever asks waits for the erasure before it, unless he says otherwise: a little less than a client does. */
export const PATIENCE_SECONDS = 45;
/** The nightly one has the time of a whole invocation. */
export const MAX_PATIENCE_SECONDS = 840;
const LOOK_MS = 1_000;

interface Starting {
  readonly actor: string;
  readonly reason: string;
  readonly request: EraseRequest;
  readonly patienceSeconds: number;
}

/**
 * Starts an erasure: one at a time, for two would take each other's failed messages for none. Waits for the one under way,
 * which takes seconds unless a team's store is silent. Throws `run-active` when it has not ended by then, or waits itself.
 */
export async function startErasure(
  { runs, clock }: Pick<OperateContext, 'runs' | 'clock'>,
  { request, patienceSeconds, ...asked }: Starting,
): Promise<Run> {
  const until = clock.now() + patienceSeconds * 1000;
  for (;;) {
    try {
      return await runs.start({
        ...{ store: ERASURE, operation: 'erase', step: 'delete', unit: 'cases' },
        ...{ ...asked, request: { ...request } },
      });
    } catch (error) {
      if (!(error instanceof DistributaryError) || error.code !== 'run-active') throw error;
      const state = (await runs.read(ERASURE))?.state;
      if (state === 'paused' || state === 'failed' || clock.now() + LOOK_MS > until) throw error;
      await clock.sleep(LOOK_MS);
    }
  }
}

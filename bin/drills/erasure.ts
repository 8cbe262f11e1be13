import type { Definition } from '../../core/projection.ts';
import { readDefinitions } from '../../lib/definitions.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import { placesOfMarker } from '../../local/verification/marker.ts';
import type { Session } from '../command.ts';
import { errorOf, followRun } from '../operate/following.ts';
import { type ErasureReport, erasureReportOf } from '../operate/shown-erasure.ts';
import { localOperations } from '../operations.ts';
import { settle } from '../running/settled.ts';
import {
  commitMarkedCase,
  commitMarkedDraft,
  failMarkedCase,
  forgetFailed,
  uploadMarkedEvidence,
} from './marked-case.ts';

const FAILED_STORE = 'case-search';

export interface ErasureDrill {
  readonly cases: readonly string[];
  /** Where the marker was found before; all of these have to have it, or the drill proves nothing. */
  readonly planted: readonly string[];
  readonly notPlanted: readonly string[];
  readonly erasure: ErasureReport;
  /** Where it was found after. */
  readonly left: readonly string[];
  readonly passed: boolean;
}

/** Plants a marked case in every place of a running local mode, erases it as an operator does, and looks everywhere. */
export async function drillErasure(endpoints: Endpoints, session: Session): Promise<ErasureDrill> {
  const { definitions, catalogue } = await readDefinitions();
  const marked = await commitMarkedCase(endpoints);
  const cases = [marked.id, await commitMarkedDraft(endpoints, marked)];
  await uploadMarkedEvidence(endpoints, marked);
  await settle(endpoints, catalogue, { signal: session.signal });
  const bystander = await failMarkedCase(endpoints, marked, FAILED_STORE);
  const planted = await placesOfMarker(endpoints, definitions, marked.marker);
  session.terminal.note(`${marked.marker} is in ${planted.length} places`);

  const operations = localOperations(endpoints, { actor: 'drill', reason: 'distributary drill erasure' });
  try {
    const run = await followRun(operations, await operations.ask('erase.start', { cases }), session);
    if (run.state !== 'done') throw errorOf(run);
    const left = await placesOfMarker(endpoints, definitions, marked.marker);
    const notPlanted = wanted(endpoints, definitions).filter(place => !planted.includes(place));
    const erasure = erasureReportOf(run);
    const unproved = [...left, ...notPlanted, ...erasure.traces, ...erasure.incomplete];
    const passed = unproved.length === 0;
    return { cases, planted, notPlanted, erasure, left, passed };
  } finally {
    operations.close();
    await forgetFailed(endpoints, bystander, FAILED_STORE);
  }
}

/** Every kind of place there is. */
function wanted(
  { stores, payloadBucket, evidenceBucket }: Endpoints,
  definitions: readonly Definition[],
): readonly string[] {
  const ofCases = definitions.filter(
    ({ contract }) => stores[contract.store_name] && contract.aggregates.includes('case'),
  );
  return [
    ...['cases', 'case_transitions', 'decisions', 'evidence', 'outbox', 'parties'].map(table => `canonical ${table}`),
    ...ofCases.map(({ contract }) => `store ${contract.store_name}`),
    `bucket ${payloadBucket}`,
    ...(evidenceBucket === undefined ? [] : [`bucket ${evidenceBucket}`]),
    `failed queue of ${FAILED_STORE}`,
  ];
}

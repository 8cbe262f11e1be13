import * as z from 'zod';
import type { Run } from '../../functions/operate/runs/run.ts';
import { EXIT, type ExitCode, type Session } from '../command.ts';
import type { Operations } from '../operations.ts';
import { count, counted, seconds } from '../terminal/wording.ts';
import { errorOf, followRun } from './following.ts';

const place = z.object({ place: z.string(), what: z.string(), count: z.number() });
const reportSchema = z.object({
  durationSeconds: z.number(),
  verdicts: z.record(z.string(), z.string()),
  aggregates: z.number(),
  places: z.array(place),
  traces: z.array(place),
  incomplete: z.array(z.object({ place: z.string(), why: z.string() })),
});
export type ErasureReport = z.infer<typeof reportSchema>;
export const erasureReportOf = ({ report }: Run): ErasureReport => reportSchema.parse(report);

const GONE = ['erasable', 'gone'];

/** Teams' functions look by themselves each minute; who is waiting asks them to look now. */
const NUDGE_EVERY_MS = 5_000;

/**
 * Follows an erasure, and says what was erased where. Exits 1 when a case was left, a trace was found, a store has not
 * answered, or it rests.
 */
export async function showErasure(operations: Operations, begun: Run, session: Session): Promise<ExitCode> {
  const { terminal, json } = session;
  const nudge = () => {
    for (const store of operations.apart) operations.nudge(store).catch(() => {}); // It looks by itself, too.
  };
  const nudging = setInterval(nudge, NUDGE_EVERY_MS);
  const run = await followRun(operations, begun, session).finally(() => clearInterval(nudging));
  if (json) terminal.print(JSON.stringify(run));
  if (run.state === 'failed') throw errorOf(run);
  if (run.state !== 'done') {
    terminal.note(`the erasure is ${run.state}; distributary cancel erasure ends it`);
    return EXIT.found;
  }
  const report = erasureReportOf(run);
  if (!json) for (const line of erasureLines(report)) terminal.print(line);
  const isLeft = Object.values(report.verdicts).some(verdict => !GONE.includes(verdict));
  return isLeft || report.traces.length + report.incomplete.length > 0 ? EXIT.found : EXIT.fine;
}

export function erasureLines({
  durationSeconds,
  verdicts,
  aggregates,
  places,
  traces,
  incomplete,
}: ErasureReport): readonly string[] {
  const left = Object.entries(verdicts).filter(([, verdict]) => !GONE.includes(verdict));
  const gone = Object.keys(verdicts).length - left.length;
  return [
    `${counted(gone, 'case')}, ${counted(aggregates, 'aggregate')} erased in ${seconds(durationSeconds)}`,
    ...places.filter(one => one.count > 0).map(one => `  ${one.place}: ${count(one.count)} ${one.what}`),
    ...left.map(([id, verdict]) => `  left: ${id} (${verdict})`),
    ...(traces.length + incomplete.length === 0 ? ['  no trace is left'] : []),
    ...traces.map(one => `  TRACE ${one.place}: ${count(one.count)} ${one.what}`),
    ...incomplete.map(one => `  NOT COMPLETE ${one.place}: ${one.why}`),
  ];
}

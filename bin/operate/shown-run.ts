import * as z from 'zod';
import type { Run } from '../../functions/operate/runs/run.ts';
import { EXIT, type ExitCode, type Session } from '../command.ts';
import type { Operations } from '../operations.ts';
import { counted, seconds } from '../terminal/wording.ts';
import { errorOf, followRun } from './following.ts';

const reportSchema = z.object({
  durationSeconds: z.number(),
  rows: z.number(),
  from: z.string().nullish(),
  refused: z.object({
    count: z.number(),
    examples: z.array(z.object({ key: z.string(), code: z.string(), message: z.string() })),
  }),
});

/** Follows a run that writes rows, and says what came of it. Exits 1 when some were refused, or it rests. */
export async function showWriting(operations: Operations, begun: Run, session: Session): Promise<ExitCode> {
  const { terminal, json } = session;
  const run = await followRun(operations, begun, session);
  if (json) terminal.print(JSON.stringify(run));
  if (run.state === 'failed') throw errorOf(run);
  if (run.state !== 'done') {
    terminal.note(`${run.operation} of ${run.store} is ${run.state}; distributary cancel ${run.store} ends it`);
    return EXIT.found;
  }
  const { rows, durationSeconds, from, refused } = reportSchema.parse(run.report);
  if (!json) {
    const since = from ? `, the first of ${from}` : '';
    terminal.print(
      `${run.store}: ${counted(rows, 'row')} in ${seconds(durationSeconds)}${since}, ${refused.count} refused`,
    );
    for (const { key, code, message } of refused.examples) terminal.print(`  ${key} ${code}: ${message}`);
  }
  return refused.count > 0 ? EXIT.found : EXIT.fine;
}

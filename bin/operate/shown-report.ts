import * as z from 'zod';
import type { Run } from '../../functions/operate/runs/run.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { count, counted, seconds } from '../terminal/wording.ts';

const found = z.object({ count: z.number(), keys: z.array(z.string()) });
const rebuildReport = z.object({
  durationSeconds: z.number(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  rows: z.number(),
  documents: z.number(),
  ranges: z.number(),
  equalRanges: z.number(),
  repaired: z.number(),
  missing: found,
  extra: found,
  mismatched: found,
  refused: z.object({ count: z.number() }),
  shadowReads: z.number(),
  permissionDifferences: z.number(),
  /** Nothing before readers' questions were asked. */
  questions: z
    .object({
      asked: z.number(),
      apart: z.number(),
      sameTotal: z.number(),
      overlap: z.number(),
      missing: z.number(),
      exposed: z.number(),
      errors: z.object({ current: z.number(), candidate: z.number() }),
      p95Milliseconds: z.object({ current: z.number(), candidate: z.number() }),
      reasons: z.array(z.string()),
    })
    .nullable()
    .default(null),
  downtimeSeconds: z.number(),
  rollbackUntil: z.string().nullable(),
});
export type RebuildReport = z.infer<typeof rebuildReport>;

export const rebuildReportOf = ({ report }: Run): RebuildReport => rebuildReport.parse(report);

export function rebuildLines(run: Run, { paint }: Pick<Terminal, 'paint'>): readonly string[] {
  const report = rebuildReportOf(run);
  const { missing, extra, mismatched, refused, permissionDifferences } = report;
  const reasons = report.questions?.reasons ?? [];
  const bad = missing.count + extra.count + mismatched.count + permissionDifferences + reasons.length;
  const examples = [...missing.keys, ...extra.keys, ...mismatched.keys].slice(0, 5);
  return [
    `${run.store}: ${report.from} → ${report.to} in ${seconds(report.durationSeconds)}`,
    `  ${counted(report.rows, 'row')} written, ${counted(report.documents, 'document')} compared in ${counted(report.ranges, 'range')}, ${count(report.equalRanges)} of them equal at the first look, ${count(report.repaired)} written again`,
    `  missing ${count(missing.count)}, extra ${count(extra.count)}, mismatched ${count(mismatched.count)}, refused ${count(refused.count)}, permission differences ${count(permissionDifferences)} of ${counted(report.shadowReads, 'shadow read')}`,
    ...(report.questions ? questionLines(report.questions) : []),
    `  downtime ${seconds(report.downtimeSeconds)}`,
    ...(examples.length > 0 ? [`  for example ${examples.join(', ')}`] : []),
    ...reasons.map(reason => `  ${reason}`),
    paint(
      bad === 0 ? 'good' : 'bad',
      bad === 0 ? '  equal to the canonical store' : '  not equal to the canonical store',
    ),
    ...(report.rollbackUntil
      ? [`  distributary rollback ${run.store} takes it back until ${report.rollbackUntil}`]
      : []),
  ];
}

function questionLines(questions: NonNullable<RebuildReport['questions']>): readonly string[] {
  const { asked, apart, sameTotal, overlap, missing, exposed, errors, p95Milliseconds: p95 } = questions;
  return [
    `  asked as readers ask: ${count(sameTotal)} of ${counted(asked, 'question')} have as many results (${counted(apart, 'document')} of the former target apart), first results agree by ${(overlap * 100).toFixed(1)}%, missing ${count(missing)}, exposed ${count(exposed)}`,
    `  p95 ${p95.current.toFixed(1)} and ${p95.candidate.toFixed(1)} ms, errors ${count(errors.current)} and ${count(errors.candidate)}`,
  ];
}

import { DRIFT_KINDS } from '../../core/drift.ts';
import { type DriftReport, driftReportSchema } from '../../functions/operate/drift/drift-report.ts';
import type { Run } from '../../functions/operate/runs/run.ts';
import { tableLines } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { count, counted, seconds } from '../terminal/wording.ts';

const SHOWN_FINDINGS = 20;

export const driftReportOf = ({ report }: Run): DriftReport => driftReportSchema.parse(report);

export function driftLines(run: Run, terminal: Terminal): readonly string[] {
  const report = driftReportOf(run);
  const { rows, target, mismatches, repaired, counts, findings } = report;
  const kinds = DRIFT_KINDS.filter(kind => (counts[kind] ?? 0) > 0).map(kind => `${count(counts[kind] ?? 0)} ${kind}`);
  const verdict =
    mismatches === 0
      ? terminal.paint('good', 'no drift')
      : terminal.paint(repaired === mismatches ? 'warning' : 'bad', kinds.join(', '));
  const shown = findings.slice(0, SHOWN_FINDINGS);
  const table = tableLines(shown, [
    { title: 'key', of: ({ key }) => key },
    { title: 'drift', of: ({ kind }) => kind },
    { title: 'store holds', of: ({ held }) => versionText(held?.version, held?.digest) },
    { title: 'newest', of: ({ newest }) => versionText(newest ?? undefined, 1) },
    { title: 'repaired', of: one => (one.repaired ? 'yes' : one.remedy === 'rebuild' ? 'needs a rebuild' : 'no') },
  ]);
  return [
    `${run.store}: ${counted(rows, 'row')} compared with ${target} in ${seconds(report.seconds)}: ${verdict}`,
    ...(shown.length > 0 ? table : []),
    ...(mismatches > shown.length ? [`… and ${counted(mismatches - shown.length, 'more')}`] : []),
    ...remarks(run.store, report, run.request.repair === true),
  ];
}

function* remarks(store: string, report: DriftReport, repair: boolean): Iterable<string> {
  const { lagging, unsettled, beyond, mismatches, repaired, from, to } = report;
  if (lagging > 0) yield `${counted(lagging, 'difference')} explained by changes on their way`;
  if (from !== null) yield 'it went on where the last comparison had stopped';
  if (to !== null) yield `not everything was compared: the next run with --budget goes on at ${to}`;
  if (unsettled > 0) {
    yield `${counted(unsettled, 'difference')} could not be judged, for nothing new arrives in the store: see distributary doctor`;
  }
  if (beyond > 0)
    yield `${counted(beyond, 'more difference')} at least: distributary rebuild ${store} is the quicker way`;
  if (mismatches > repaired && !repair) yield `distributary drift ${store} --repair mends them`;
  else if (mismatches > repaired)
    yield `what was not mended may have failed for good: see distributary redrive ${store}`;
}

/** The row's own version, which is what people know, and the epoch's where there is one. */
function versionText(version: number | undefined, digest = 0): string | undefined {
  if (version === undefined) return undefined;
  const [epoch, row] = [Math.floor(version / 2 ** 40), version % 2 ** 40];
  return `${epoch > 0 ? `${epoch}:` : ''}${row}${digest === 0 ? ' (tombstone)' : ''}`;
}

import { tableLines } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { count, counted, seconds } from '../terminal/wording.ts';
import type { DemoReport, StoreReport } from './demo.ts';

/** What the demo found, as text. */
export function demoLines(report: DemoReport, terminal: Terminal): readonly string[] {
  const { stores, seconds: took, seed, agrees, settled } = report;
  const { paint } = terminal;
  return [
    '',
    ...tableLines(stores, [
      { title: 'store', of: ({ store }) => paint('strong', store) },
      { title: 'engine', of: ({ engine }) => engine },
      { title: 'rows', of: ({ rows }) => rows },
      { title: 'documents', of: ({ documents }) => documents },
      { title: 'versions', of: ({ versions }) => versions },
      { title: 'fresh after p50', of: ({ freshness }) => freshness && seconds(freshness.p50), align: 'right' },
      { title: 'p95', of: ({ freshness }) => freshness && seconds(freshness.p95), align: 'right' },
      { title: 'p99', of: ({ freshness }) => freshness && seconds(freshness.p99), align: 'right' },
      { title: 'failed', of: ({ failed }) => judged(failed, terminal), align: 'right' },
      { title: 'drift', of: ({ drift }) => judged(drift, terminal), align: 'right' },
    ]),
    '',
    ...stores.flatMap(differences),
    updatesLine(report),
    `start ${seconds(took.start)}, import ${seconds(took.import)}, updates ${seconds(took.updates)}, settling ${seconds(took.settling)}, verification ${seconds(took.verification)}; seed ${seed}`,
    ...(settled ? [] : [paint('bad', 'the stores did not come to rest in time')]),
    agrees
      ? paint('good', 'every store holds what a rebuild from the canonical rows would give')
      : paint('bad', 'not every store agrees with the canonical rows'),
  ];
}

const judged = (value: number, { paint }: Terminal): string => paint(value === 0 ? 'good' : 'bad', count(value));

const differences = ({ store, examples }: StoreReport): readonly string[] =>
  examples.map(({ key, what }) => `${store} ${key} ${what}`);

function updatesLine({ imported, updates, changes }: DemoReport): string {
  const kinds = Object.entries(updates).sort(([, a], [, b]) => b - a);
  const total = kinds.reduce((sum, [, done]) => sum + done, 0);
  const each = kinds.map(([kind, done]) => `${count(done)} ${kind}`).join(', ');
  return `${counted(imported, 'complaint')} imported; ${counted(total, 'update')}: ${each}; ${counted(changes, 'change')} in all`;
}

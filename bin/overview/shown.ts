import type { Freshness, StoreView } from '../../functions/operate-http/overview.ts';
import { tableLines } from '../terminal/table.ts';
import type { Terminal, Tone } from '../terminal/terminal.ts';
import { bytes, count, counted, seconds } from '../terminal/wording.ts';
import type { Overview } from './overview.ts';

const TONES: Readonly<Record<Freshness, Tone>> = { fresh: 'good', behind: 'warning', late: 'bad', silent: 'warning' };

/** The way of the data as text: source, relay, a table of the stores, and what is wrong. */
export function overviewLines(overview: Overview, { paint }: Pick<Terminal, 'paint'>): readonly string[] {
  const { source, relay, stores, concerns } = overview;
  return [
    `${paint('strong', 'source')}  ${sourceWords(source)}`,
    `${paint('strong', 'relay')}   ${relayWords(relay)}`,
    '',
    ...tableLines(stores, [
      { title: 'store', of: ({ store }) => store },
      { title: 'state', of: ({ freshness }) => paint(TONES[freshness], freshness) },
      { title: 'age', of: ({ freshnessSeconds }) => optional(freshnessSeconds, seconds), align: 'right' },
      { title: 'at most', of: ({ maximumSeconds }) => seconds(maximumSeconds), align: 'right' },
      { title: 'queued', of: queuedWords, align: 'right' },
      { title: 'taken', of: ({ lanes }) => lanes.standard.inFlight + lanes.priority.inFlight },
      { title: 'oldest', of: oldestWords, align: 'right' },
      { title: 'failed', of: ({ failed }) => (failed > 0 ? paint('bad', count(failed)) : '0'), align: 'right' },
      { title: 'applied', of: ({ applied }) => applied },
      { title: 'lag p50/p95/p99', of: lagWords, align: 'right' },
      { title: 'documents', of: ({ documents }) => documents },
    ]),
    '',
    ...concerns.map(concern => `${paint('bad', '!')} ${concern}`),
    ...(concerns.length === 0 ? [wellWords(stores, paint)] : []),
  ];
}

function wellWords(stores: readonly StoreView[], paint: Terminal['paint']): string {
  const slow = stores.filter(({ freshness }) => freshness === 'behind').length;
  if (slow === 0) return paint('good', 'every store keeps its contract');
  return paint('warning', `${counted(slow, 'store')} slower than normal, none beyond what its contract tolerates`);
}

function sourceWords({ answers, changes, changesPerSecond, dependantsPending = 0 }: Overview['source']): string {
  if (!answers) return 'does not answer';
  return [
    `${counted(changes ?? 0, 'change')} captured`,
    ...(changesPerSecond === undefined ? [] : [`${rate(changesPerSecond)} now`]),
    ...(dependantsPending > 0 ? [`${counted(dependantsPending, 'reference')} being carried along`] : []),
  ].join(', ');
}

function relayWords({ slot, lagSeconds, parked }: Overview['relay']): string {
  if (!slot) return 'no slot is known';
  return [
    slot.active ? 'streams' : 'does not stream',
    `${bytes(slot.lagBytes)} behind`,
    `${bytes(slot.retainedBytes)} of WAL retained`,
    ...(lagSeconds ? [`published after ${seconds(lagSeconds.p50)}, p99 ${seconds(lagSeconds.p99)}`] : []),
    ...(parked > 0 ? [`${count(parked)} parked`] : []),
  ].join(', ');
}

/** Waiting on the standard and on the priority lane. */
function queuedWords({ lanes: { standard, priority } }: StoreView): string {
  return `${count(standard.visible + standard.delayed)}+${count(priority.visible + priority.delayed)}`;
}

function oldestWords({ lanes: { standard, priority } }: StoreView): string | undefined {
  const oldest = Math.max(standard.oldestSeconds, priority.oldestSeconds);
  return oldest > 0 ? seconds(oldest) : undefined;
}

const lagWords = ({ lag }: StoreView): string | undefined =>
  lag && [lag.p50, lag.p95, lag.p99].map(value => seconds(value).replace(/ s$/, '')).join(' / ');

const rate = (perSecond: number): string => `${perSecond < 10 ? perSecond.toFixed(1) : count(perSecond)}/s`;
const optional = <T>(value: T | undefined, words: (value: T) => string): string | undefined =>
  value === undefined ? undefined : words(value);

/** The same on one line, for a terminal's last line. */
export function overviewLine(
  { source, relay, stores, concerns }: Overview,
  { paint }: Pick<Terminal, 'paint'>,
): string {
  const flow = source.answers ? `${rate(source.changesPerSecond ?? 0)}` : paint('bad', 'source down');
  const behind = relay.slot?.active ? `relay ${bytes(relay.slot.lagBytes)}` : paint('bad', 'relay down');
  const each = stores.map(view => {
    const age = paint(TONES[view.freshness], optional(view.freshnessSeconds, seconds) ?? 'silent');
    const failed = view.failed > 0 ? ` ${paint('bad', `${count(view.failed)} failed`)}` : '';
    return `${view.store} ${age} ${optional(view.documents, count) ?? '–'}${failed}`;
  });
  const more = concerns.length > 0 ? [paint('bad', counted(concerns.length, 'concern'))] : [];
  return [flow, behind, ...each, ...more].join(' · ');
}

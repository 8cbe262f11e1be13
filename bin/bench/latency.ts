import type { MetricReading } from '../../local/runtime/metrics.ts';
import type { Figure } from './figures.ts';
import type { SteadyLoad, SteadyReport } from './load-process.ts';
import type { Findings, Setting } from './measurement.ts';
import type { Pipe } from './pipe.ts';
import { percentile } from './statistics.ts';

const CHANGES_PER_SECOND = 200;
/** A JVM that has just started compiles for about as long as this, on the processors that the pipe needs. */
const WARM_UP_SECONDS = 30;
/** Milliseconds. */
const AIMS = { get: { p50: 40, p99: 120 }, search: { p99: 1300 } } as const;
/** Of the rate asked for; below it the figures are those of another load. */
const LEAST_SHARE_OF_RATE = 0.98;

/** From commit to where a reader finds the change, while changes come at a steady rate. */
export async function measureLatency({ mode, actor, load }: Pipe, setting: Setting, into: string): Promise<Findings> {
  const bar = setting.progress(`${CHANGES_PER_SECOND} changes/s into ${into}`, WARM_UP_SECONDS + setting.seconds);
  const start = Date.now();
  const ticking = setInterval(() => bar.update((Date.now() - start) / 1000), 500);
  try {
    const order: SteadyLoad = {
      kind: 'steady',
      endpoints: mode.endpoints,
      actor,
      changesPerSecond: CHANGES_PER_SECOND,
      warmUpSeconds: WARM_UP_SECONDS,
      seconds: setting.seconds,
    };
    const report = await load.ask<SteadyReport>(order);
    const lags = mode.metrics.readings(report.from, report.to).filter(({ name }) => name === 'indexing_lag_seconds');
    return {
      figures: [...watched(report, into), ...lags.flatMap(reading => applied(reading, into))],
      omissions: [],
      versions: {},
    };
  } finally {
    clearInterval(ticking);
    bar.stop();
  }
}

function watched({ changesPerSecond, get, search, unseen }: SteadyReport, into: string): readonly Figure[] {
  const rate = `${Math.round(changesPerSecond)} changes/s`;
  const slow = changesPerSecond < CHANGES_PER_SECOND * LEAST_SHARE_OF_RATE ? ' (the canonical store took no more)' : '';
  const lost = unseen > 0 ? `, ${unseen} not seen in time` : '';
  const note = (latencies: readonly number[]) => `at ${rate}${slow}, ${latencies.length} changes watched${lost}`;
  const figure = (name: string, latencies: readonly number[], percent: number, most?: number): Figure => ({
    name: `into ${into}: commit to ${name}, p${percent}`,
    value: percentile(latencies, percent),
    unit: 'ms',
    ...(most !== undefined && { aim: { most } }),
    note: note(latencies),
  });
  return [
    figure('realtime GET', get, 50, AIMS.get.p50),
    figure('realtime GET', get, 95),
    figure('realtime GET', get, 99, AIMS.get.p99),
    figure('search', search, 50),
    figure('search', search, 95),
    figure('search', search, 99, AIMS.search.p99),
  ];
}

/** What each store's function says itself; to a search store's lag it adds the refresh interval. */
function applied({ dimensions, p50, p99, count }: MetricReading, into: string): readonly Figure[] {
  const note = `as its function measures it, ${count} samples`;
  return (
    [
      ['p50', p50],
      ['p99', p99],
    ] as const
  ).map(([rank, seconds]) => ({
    name: `into ${into}: commit to ${dimensions.service}, ${rank}`,
    value: seconds * 1000,
    unit: 'ms' as const,
    note,
  }));
}

import { LANES } from '../../../core/change.ts';
import {
  compareRanges,
  type DriftKind,
  type Entry,
  type Fate,
  judge,
  nextWave,
  RANGE_ROWS,
  remedyOf,
  type Verdict,
  WAVE_RANGES,
} from '../../../core/drift.ts';
import type { AggregateId, Version } from '../../../core/version.ts';
import type { OperateContext, OperatedStore } from '../context.ts';
import { DONE, type NextStep, type RunHandle, type RunKind, type Step } from '../runs/run-kind.ts';
import { type DriftCanonical, driftCanonical } from './drift-canonical.ts';
import {
  type DriftMemo,
  driftMemoSchema,
  driftRequestSchema,
  type Finding,
  MAX_FINDINGS,
  MAX_SUSPECTS,
} from './drift-memo.ts';
import { chunks, publishRepairs } from './drift-repair.ts';
import { keepPlace, measureDrift, reportDrift } from './drift-report.ts';
import { type DriftStore, driftStore } from './drift-store.ts';

/** So many suspects are settled before more are looked for. */
const SETTLE_AT = 500;
const JUDGED_AT_ONCE = 200;
const POLL_MS = 500;
/** A watermark is good to about a second: a heartbeat may overtake what was sent just before. */
const WATERMARK_MARGIN_MS = 1000;
/** However soon a contract alarms, a queue is given so long. */
const LEAST_PATIENCE_SECONDS = 30;

/** Everything that a step works with. */
interface Scene {
  readonly handle: RunHandle;
  readonly context: OperateContext;
  readonly operated: OperatedStore;
  readonly canonical: DriftCanonical;
  readonly held: DriftStore;
  readonly memo: DriftMemo;
  readonly request: ReturnType<typeof driftRequestSchema.parse>;
  /** How long something on its way may take. */
  readonly patienceMs: number;
  save(memo: Partial<DriftMemo>): Promise<void>;
}

const step =
  (act: (scene: Scene) => Promise<NextStep>): Step =>
  (handle, context) => {
    const operated = context.store(handle.run.store);
    const { contract } = operated.definition;
    const memo = driftMemoSchema.parse(handle.run.memo);
    return act({
      handle,
      context,
      operated,
      canonical: driftCanonical(context.connection, contract.aggregates),
      held: driftStore(operated.store, { store: operated.name, name: memo.target }),
      memo,
      request: driftRequestSchema.parse(handle.run.request),
      patienceMs: 1000 * Math.max(LEAST_PATIENCE_SECONDS, contract.freshness_contract.maximum_before_alert),
      save: changed =>
        handle.save({ memo: changed, ...(changed.rows !== undefined && { progress: { done: changed.rows } }) }),
    });
  };

/** Compares a store with the canonical one, key range by key range; repairs what it finds, if asked to. */
export const driftRun: RunKind = {
  operation: 'drift',
  steps: {
    begin: step(begin),
    compare: step(compare),
    settle: step(settle),
    repair: step(repair),
    verify: step(verify),
    conclude: step(conclude),
  },
};

/** A store has to have a target; where the last run's time was up this one goes on. */
async function begin({ handle, canonical, memo }: Scene): Promise<NextStep> {
  await handle.save({ memo: { ...memo }, progress: { done: 0, total: await canonical.count(), unit: 'rows' } });
  return 'compare';
}

async function compare(scene: Scene): Promise<NextStep> {
  const { canonical, held, memo, request, handle, context } = scene;
  if (memo.complete || memo.stopped || memo.suspects.length >= SETTLE_AT) return 'settle';
  const startedAt = context.clock.now();
  const spentMs = startedAt - handle.run.startedAt;
  if (request.budgetSeconds !== null && memo.rows > 0 && spentMs > request.budgetSeconds * 1000) {
    await scene.save({ stopped: true });
    return 'settle';
  }
  const seenFrom = memo.seenFrom ?? (await canonical.now());
  const { ranges, next } = await nextWave(canonical, memo.cursor ?? undefined, waveOf(request.rate));
  const { rows, suspects } = await compareRanges(canonical, held, ranges);
  const all = [...memo.suspects, ...suspects.map(({ key, seen }) => ({ key, seen: seen ?? null }))];
  const beyond = Math.max(0, all.length - MAX_SUSPECTS);
  await scene.save({
    rows: memo.rows + rows,
    cursor: next ?? null,
    complete: next === undefined && beyond === 0,
    stopped: beyond > 0,
    beyond,
    ...(suspects.length > 0 && {
      suspects: all.slice(0, MAX_SUSPECTS),
      seenFrom,
      seenTo: await canonical.now(),
    }),
  });
  if (request.rate !== null) await handle.sleep((rows / request.rate) * 1000 - (context.clock.now() - startedAt));
  return 'compare';
}

/** About a second's worth of rows, where their number is limited. */
const waveOf = (rate: number | null): number =>
  rate === null ? WAVE_RANGES : Math.min(WAVE_RANGES, Math.max(1, Math.floor(rate / RANGE_ROWS)));

/** Judges the suspects once everything that was committed before they were seen must have arrived. */
async function settle(scene: Scene): Promise<NextStep> {
  const { memo, context } = scene;
  const next = memo.complete || memo.stopped ? 'repair' : 'compare';
  if (memo.suspects.length === 0) return next;
  const since = memo.waitingSince ?? context.clock.now();
  if (memo.waitingSince === null) await scene.save({ waitingSince: since });
  const arrived = await hasArrived(scene, memo.seenTo! + WATERMARK_MARGIN_MS);
  if (!arrived && context.clock.now() - since < scene.patienceMs) {
    await scene.handle.sleep(POLL_MS);
    return 'settle';
  }
  const judged = await judgeAll(scene, memo.suspects, memo.seenFrom!);
  const found = judged.filter(({ verdict }) => verdict !== 'agrees' && verdict !== 'lags');
  const settled = arrived ? found : [];
  const counts = { ...memo.counts };
  for (const { verdict } of settled) counts[verdict as DriftKind] += 1;
  await scene.save({
    suspects: [],
    seenFrom: null,
    seenTo: null,
    waitingSince: null,
    lagging: memo.lagging + judged.length - found.length,
    unsettled: memo.unsettled + found.length - settled.length,
    counts,
    findings: [...memo.findings, ...settled.map(findingOf)].slice(0, MAX_FINDINGS),
  });
  return next;
}

/** Whether both of the store's watermarks have passed a time of the canonical store. */
async function hasArrived({ context, operated }: Scene, time: number): Promise<boolean> {
  const watermarks = await context.control.watermarksOf(operated.name);
  return LANES.every(lane => (watermarks[lane] ?? 0) >= time);
}

interface Judged {
  readonly key: AggregateId;
  readonly verdict: Verdict;
  readonly held: Entry | undefined;
  readonly fate: Fate;
}

async function judgeAll(
  { canonical, held }: Scene,
  suspects: DriftMemo['suspects'],
  seenFrom: number,
): Promise<readonly Judged[]> {
  const judged: Judged[] = [];
  for (const chunk of chunks(suspects, JUDGED_AT_ONCE)) {
    const keys = chunk.map(({ key }) => key);
    // The store first: what it holds then, the canonical store knows of.
    const holding = await held.held(keys);
    const fates = await canonical.fates(keys);
    for (const { key, seen } of chunk) {
      const [mine, fate] = [holding.get(key), fates.get(key)!];
      judged.push({
        key,
        held: mine,
        fate,
        verdict: judge({ key, seen: (seen ?? undefined) as Version | undefined }, mine, fate, seenFrom),
      });
    }
  }
  return judged;
}

function findingOf({ key, verdict, held, fate }: Judged): Finding {
  const kind = verdict as DriftKind;
  const remedy = remedyOf(kind, held, fate);
  return {
    key,
    kind,
    held: held ?? null,
    newest: fate.kind === 'lives' ? fate.entry.version : null,
    remedy: remedy.kind,
    buriedBy: remedy.kind === 'bury' ? remedy.version : null,
    repaired: false,
  };
}

async function repair(scene: Scene): Promise<NextStep> {
  const { memo, request, context, operated, canonical } = scene;
  if (!request.repair || memo.findings.length === 0) return 'conclude';
  await publishRepairs(context, operated, canonical, memo.findings);
  await scene.save({ waitingSince: context.clock.now() });
  return 'verify';
}

/** Looks until everything that was published again is there, or has had its time. */
async function verify(scene: Scene): Promise<NextStep> {
  const { memo, context, handle, canonical } = scene;
  const open = memo.findings.filter(({ repaired, remedy }) => !repaired && remedy !== 'rebuild');
  const suspects = open.map(({ key, newest, remedy }) => ({
    key,
    // What mends it has at least this version.
    seen: newest === null ? null : newest + (remedy === 'renew' ? 1 : 0),
  }));
  const judged = await judgeAll(scene, suspects, await canonical.now());
  const mended = new Set(judged.filter(isMended).map(({ key }) => key));
  const findings = memo.findings.map(finding => ({
    ...finding,
    repaired: finding.repaired || mended.has(finding.key),
  }));
  await scene.save({ findings });
  const isPatient = context.clock.now() - (memo.waitingSince ?? 0) < scene.patienceMs;
  if (mended.size === open.length || !isPatient) return 'conclude';
  await handle.sleep(POLL_MS);
  return 'verify';
}

/** What is newer than the repair, and on its way, has not been waited for. */
const isMended = ({ verdict, fate }: Judged): boolean =>
  verdict === 'agrees' || (verdict === 'lags' && fate.kind === 'lives');

async function conclude({ handle, memo, context, operated }: Scene): Promise<NextStep> {
  await keepPlace(context.control, operated.name, memo);
  const report = reportDrift(handle.run, memo, context.clock.now());
  await handle.save({ report });
  measureDrift(operated.name, report);
  return DONE;
}

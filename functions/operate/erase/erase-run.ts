import * as z from 'zod';
import { DistributaryError } from '../../../core/errors.ts';
import type { OperateContext } from '../context.ts';
import { DONE, type NextStep, type RunHandle, type RunKind } from '../runs/run-kind.ts';
import { answersOf, apartSchema, askApart, whoIsApart } from './erase-apart.ts';
import { drained } from './erase-drain.ts';
import { erasureTraces } from './erase-scan.ts';
import { eraseFromStores, type Place, placeSchema, watchForLate } from './erase-stores.ts';
import { type ErasedAggregate, erasedWith, numberOf, statusesOver, VERDICTS, watchedSince } from './erasure-rows.ts';

/** Under which name its runs are kept: they are of no single store. */
export const ERASURE = 'erasure';
/** Cases of one run: what belongs to them fits into an item of the control table. */
export const MAX_CASES = 200;
/** What comes late is erased again; whatever comes more often is no coincidence. */
const MAX_SWEEPS = 3;
const DRAIN_LOOK_MS = 500;
/** A team's function looks each minute; one that has not answered after so many is told of, and the run ends. */
const APART_WITHIN_MS = 15 * 60_000;
const APART_LOOK_MS = 1_000;

/** As `erase.start` was asked. */
export const eraseRequest = {
  cases: z.array(z.uuid()).max(MAX_CASES),
  /** Look again for what was erased in the last weeks, too. */
  again: z.boolean().default(false),
};
const requestSchema = z.object(eraseRequest);
export type EraseRequest = z.infer<typeof requestSchema>;

const memoSchema = z.object({
  verdicts: z.record(z.string(), z.enum(VERDICTS)).default({}),
  places: z.array(placeSchema).default([]),
  sweeps: z.int().default(0),
  /** Stores in other hands, once they were asked. */
  apart: apartSchema.nullable().default(null),
});

/**
 * Erases cases from every store: deletes them, waits until what told of them has passed, and takes their content out of
 * wherever it was kept; then looks everywhere for what is left. Whatever may not be deleted is left whole. Teams' stores are
 * asked to do the same; while one of them has not answered, the erasure does not call itself complete.
 */
export const eraseRun: RunKind = {
  operation: 'erase',
  steps: { delete: remove, drain, scrub, sweep, apart, scan },
  pastCancelling: {
    drain: 'the cases are deleted',
    scrub: 'the cases are deleted',
    sweep: 'the cases are deleted',
    apart: 'the cases are deleted',
    scan: 'the cases are deleted',
  },
};

/** One transaction each: a case that may not go holds up no other. */
async function remove(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { cases } = requestSchema.parse(handle.run.request);
  const over = statusesOver(context);
  let { verdicts } = memoSchema.parse(handle.run.memo);
  for (const id of cases) {
    if (verdicts[id] !== undefined) continue;
    verdicts = { ...verdicts, [id]: await removeCase(context, id, over, handle.run.actor) };
    const progress = { done: Object.keys(verdicts).length, total: cases.length, unit: 'cases' };
    await handle.save({ memo: { verdicts }, progress });
  }
  return 'drain';
}

async function removeCase(context: OperateContext, id: string, over: readonly string[], actor: string) {
  const values = [id, over, actor];
  const [row] = await context.connection.query<{ verdict: string }>(
    'select canonical.erase_case($1, $2, $3) as verdict',
    values,
  );
  return z.enum(VERDICTS).parse(row?.verdict);
}

/** What is gone now by this run, or by whoever was quicker, such as a command of the API. */
async function subjectsOf(handle: RunHandle, context: OperateContext) {
  const { verdicts } = memoSchema.parse(handle.run.memo);
  const cases = Object.keys(verdicts).filter(id => verdicts[id] === 'erasable' || verdicts[id] === 'gone');
  return { cases, erased: await erasedWith(context, cases) };
}

/** What was erased before: of it only what may have come late is looked for again. */
async function watchedOf(handle: RunHandle, context: OperateContext): Promise<readonly ErasedAggregate[]> {
  return requestSchema.parse(handle.run.request).again ? watchedSince(context) : [];
}

/** Until every store has taken what was committed before the last deletion, an older state may still be on its way. */
async function drain(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { erased } = await subjectsOf(handle, context);
  while (!(await drained(context, erased))) await handle.sleep(DRAIN_LOOK_MS);
  return 'scrub';
}

/** What the canonical store itself keeps beside its tables. */
async function scrub(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { cases, erased } = await subjectsOf(handle, context);
  const keys = erased.map(({ key }) => key);
  const history = await numberOf(context, 'scrub_history($1)', [cases]);
  let rows = 0;
  const days = await context.connection.query<{ day: string }>(
    'select day::text as day from canonical.outbox_days() day',
    [],
  );
  for (const { day } of days) rows += await numberOf(context, 'scrub_outbox($1, $2, $3)', [day, keys, cases]);
  const { verdicts } = memoSchema.parse(handle.run.memo);
  const deleted = Object.values(verdicts).filter(verdict => verdict === 'erasable').length;
  const places: readonly Place[] = [
    { place: 'canonical', what: 'cases', count: deleted },
    { place: 'canonical', what: 'aggregates of them', count: keys.length },
    { place: 'canonical', what: 'reasons of transitions', count: history },
    { place: 'outbox', what: 'rows made tombstones', count: rows },
  ];
  await handle.save({ memo: { places: added(memoSchema.parse(handle.run.memo).places, places) } });
  return 'sweep';
}

async function sweep(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { erased } = await subjectsOf(handle, context);
  const memo = memoSchema.parse(handle.run.memo);
  await watchForLate(handle.run.id, context, erased);
  const found = await eraseFromStores(context, erased, await watchedOf(handle, context));
  await handle.save({ memo: { places: added(memo.places, found), sweeps: memo.sweeps + 1 } });
  return 'apart';
}

/** Has the stores in other hands erased by those hands, once, and waits for what they say of it. */
async function apart(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { again } = requestSchema.parse(handle.run.request);
  const memo = memoSchema.parse(handle.run.memo);
  const { cases } = await subjectsOf(handle, context);
  if (memo.apart?.silent || (cases.length === 0 && !again)) return 'scan';
  const asked = memo.apart ?? {
    ...(await whoIsApart(context)),
    askedAt: context.clock.now(),
    silent: null,
    traces: [],
  };
  await handle.save({ memo: { apart: asked } });
  const { stores, askedAt } = asked;
  await askApart(context, stores, { run: handle.run.id, cases, again });
  let answers = await answersOf(context, stores, handle.run.id);
  while (answers.size < stores.length && context.clock.now() < askedAt + APART_WITHIN_MS) {
    await handle.sleep(APART_LOOK_MS);
    answers = await answersOf(context, stores, handle.run.id);
  }
  const all = [...answers.values()];
  const places = all.reduce((sum, answer) => added(sum, answer.places), memo.places);
  const silent = stores.filter(store => !answers.has(store));
  await handle.save({ memo: { places, apart: { ...asked, silent, traces: all.flatMap(({ traces }) => traces) } } });
  return 'scan';
}

async function scan(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { cases, erased } = await subjectsOf(handle, context);
  const { sweeps, verdicts, places, apart: others } = memoSchema.parse(handle.run.memo);
  const traces = await erasureTraces(context, cases, erased, await watchedOf(handle, context));
  if (traces.some(({ mayPass }) => mayPass) && sweeps < MAX_SWEEPS) return 'sweep';
  const incomplete = [
    ...(others?.silent ?? []).map(store => ({ place: store, why: 'its own operations function has not answered' })),
    ...(others?.strangers ?? []).map(arn => ({ place: arn, why: 'it is subscribed to the changes and is no store' })),
  ];
  const left = [...traces.map(({ place, what, count }) => ({ place, what, count })), ...(others?.traces ?? [])];
  const isClean = left.length === 0 && incomplete.length === 0;
  if (isClean && cases.length > 0) await context.connection.query('select canonical.note_erased($1)', [cases]);
  const report = {
    durationSeconds: (context.clock.now() - handle.run.startedAt) / 1000,
    verdicts,
    aggregates: erased.length,
    places: places.map(place => ({ ...place })),
    traces: left,
    /** Where nobody can say whether anything is left. */
    incomplete,
  };
  await handle.save({ report });
  return DONE;
}

/** Counts of a sweep that was done again are added to those before. */
function added(before: readonly Place[], more: readonly Place[]): Place[] {
  const counts = new Map<string, Place>();
  for (const one of [...before, ...more]) {
    const name = `${one.place} ${one.what}`;
    counts.set(name, { ...one, count: one.count + (counts.get(name)?.count ?? 0) });
  }
  return [...counts.values()];
}

/** Throws `usage` for a request of nothing. */
export function mustHaveCases(cases: readonly ErasedAggregate[] | readonly string[], again: boolean): void {
  if (cases.length > 0 || again) return;
  throw new DistributaryError('usage', 'no case is named', { hint: 'name the cases by their ids' });
}

import * as z from 'zod';
import type { JsonObject } from '../../../core/change.ts';
import { DistributaryError } from '../../../core/errors.ts';
import { writersKnowAt } from '../../../core/rebuild.ts';
import type { Target } from '../../../core/store.ts';
import { TARGETS_TTL_SECONDS } from '../../control-targets.ts';
import { fill, fillJson, fillSchema } from '../backfill/filling.ts';
import { replayedSchema, replayOutbox, replayProgress } from '../backfill/replay.ts';
import type { OperateContext, OperatedStore } from '../context.ts';
import { DONE, type NextStep, type RunHandle, type RunKind } from '../runs/run-kind.ts';
import { apartSchema, compareAll, comparedSchema, findApart } from './comparing.ts';
import { closeWindow, dismiss, openWindow } from './former-targets.ts';
import { moveReaders } from './moving-readers.ts';
import { watchReaders } from './readers-watch.ts';
import { askAsReaders } from './rebuild-questions.ts';
import { shadowReads } from './rebuild-shadow.ts';

/** As `rebuild.start` was asked. */
export const rebuildRequest = {
  /** Rows a second at most. @default as fast as it goes */
  rate: z.int().min(1).max(1_000_000).optional(),
  /** How long one can go back, seconds. */
  rollbackWindowSeconds: z
    .int()
    .min(0)
    .max(30 * 86_400)
    .default(86_400),
  /** Cut over although the comparison found differences. */
  accept: z.boolean().default(false),
};
const requestSchema = z.object(rebuildRequest);

const memoSchema = z.object({
  green: z.string().optional(),
  blue: z.string().optional(),
  addedAt: z.int().optional(),
  fill: fillSchema.prefault({}),
  history: replayedSchema.prefault({}),
  compared: comparedSchema.prefault({}),
  apart: apartSchema.prefault({}),
  permissionDifferences: z.int().default(0),
  shadowCompared: z.int().default(0),
  questioned: z.custom<JsonObject>().optional(),
  downtimeSeconds: z.number().default(0),
  cutOverAt: z.int().optional(),
});
type Memo = z.infer<typeof memoSchema>;

/** A run with what its steps keep. */
interface Rebuilding {
  readonly handle: RunHandle;
  readonly context: OperateContext;
  readonly store: OperatedStore;
  readonly memo: Memo;
  readonly blue: Target;
  readonly green: Target;
}

const withMemo =
  (step: (rebuilding: Rebuilding) => Promise<NextStep>) =>
  (handle: RunHandle, context: OperateContext): Promise<NextStep> =>
    step(open(handle, context));

function open(handle: RunHandle, context: OperateContext): Rebuilding {
  const { store: name, memo } = handle.run;
  const parsed = memoSchema.parse(memo);
  const target = (generation: string | undefined): Target => ({ store: name, name: generation ?? '' });
  return {
    handle,
    context,
    store: context.store(name),
    memo: parsed,
    blue: target(parsed.blue),
    green: target(parsed.green),
  };
}

/** Blue/green: core/rebuild.ts says why each step comes when it does. */
export const rebuild: RunKind = {
  operation: 'rebuild',
  steps: {
    prepare: withMemo(prepare),
    create: withMemo(create),
    writers: withMemo(awaitWriters),
    backfill: withMemo(backfill),
    history: withMemo(takeHistory),
    compare: withMemo(compare),
    apart: withMemo(lookAtBlue),
    shadow: withMemo(shadow),
    cutover: withMemo(cutOver),
    finish: withMemo(finish),
  },
  pastCancelling: {
    cutover: 'readers are being moved; distributary rollback takes them back',
    finish: 'readers have been moved; distributary rollback takes them back',
  },
  cancel: (handle, context) => takeBack(open(handle, context)),
};

/** Chooses the names, once and for all; what is left of earlier rebuilds is no longer fed. */
async function prepare({ handle, context, store, memo }: Rebuilding): Promise<NextStep> {
  const { current, building } = await context.control.readTargets(store.name);
  if (!current) throw new DistributaryError('target-missing', `${store.name} has no target that readers see`);
  const { document_version } = store.definition.contract.schema_evolution;
  const green = memo.green ?? `${store.targetStem}.${document_version}.${stamp(handle.run.startedAt)}`;
  await handle.save({ memo: { green, blue: current.name } });
  await closeWindow(context, store.name, green);
  for (const former of building) if (former.name !== green) await dismiss(context, former);
  return 'create';
}

/** `20261121t233500123`: sorts by time, is never used twice, and every engine takes it as part of a name. */
const stamp = (at: number): string => new Date(at).toISOString().slice(0, 23).replace(/[-:.]/g, '').toLowerCase();

async function create({ handle, context, store, green }: Rebuilding): Promise<NextStep> {
  await store.store.create(green);
  await context.control.startBuilding(green);
  await handle.save({ memo: { addedAt: context.clock.now() } });
  return 'writers';
}

async function awaitWriters({ handle, context, memo }: Rebuilding): Promise<NextStep> {
  const knownAt = writersKnowAt(memo.addedAt!, { ttlSeconds: TARGETS_TTL_SECONDS });
  await handle.sleep(knownAt - context.clock.now());
  return 'backfill';
}

async function backfill({ handle, context, store, memo, green }: Rebuilding): Promise<NextStep> {
  const { rate } = requestSchema.parse(handle.run.request);
  const counts = await Promise.all(store.definition.contract.aggregates.map(name => context.canonical.count(name)));
  const total = counts.reduce((sum, count) => sum + count, 0);
  await watched({ handle, context, store, memo }, () =>
    fill(handle, context, {
      store,
      targets: [green],
      rate,
      begun: memo.fill,
      save: filled =>
        handle.save({
          memo: { fill: fillJson(filled) },
          progress: { done: filled.rows, total: Math.max(total, filled.rows), unit: 'rows' },
        }),
    }),
  );
  return 'history';
}

/** A store that keeps every version gets those that the outbox still holds; older ones the canonical store has not kept. */
async function takeHistory({ handle, context, store, memo, green }: Rebuilding): Promise<NextStep> {
  if (!store.store.keepsHistory) return 'compare';
  await replayOutbox(handle, context, {
    store,
    targets: [green],
    since: 0,
    rate: requestSchema.parse(handle.run.request).rate,
    begun: memo.history,
    save: history => handle.save({ memo: { history }, progress: replayProgress(history) }),
  });
  return 'compare';
}

async function compare({ handle, context, store, memo, green }: Rebuilding): Promise<NextStep> {
  const { fill: filled } = memo;
  const compared = await watched({ handle, context, store, memo }, () =>
    compareAll(handle, context, {
      store,
      target: green,
      begun: memo.compared,
      save: state =>
        handle.save({
          memo: { compared: state as unknown as JsonObject },
          progress: { done: state.documents, total: Math.max(filled.rows, state.documents), unit: 'documents' },
        }),
    }),
  );
  return compared.finished ? 'apart' : 'compare';
}

/** Many a rebuild is there because blue is wrong: what is wrong with it shall not be held against green. */
async function lookAtBlue({ handle, context, store, memo, blue }: Rebuilding): Promise<NextStep> {
  if (!memo.compared.finished) return 'compare';
  await findApart(context, {
    store,
    target: blue,
    begun: memo.apart,
    save: apart =>
      handle.save({
        memo: { apart: apart as unknown as JsonObject },
        progress: {
          done: apart.documents,
          total: Math.max(memo.compared.documents, apart.documents),
          unit: 'documents',
        },
      }),
  });
  return 'shadow';
}

/** The gate: what the comparison, the shadow reads and readers' questions have found must be nothing, or accepted. */
async function shadow({ handle, context, store, memo, blue, green }: Rebuilding): Promise<NextStep> {
  const { accept } = requestSchema.parse(handle.run.request);
  if (!memo.apart.finished) return 'apart';
  const { compared, permissionDifferences, keys } = await shadowReads(handle, context, store, [blue, green]);
  const { figures, reasons } = await askAsReaders(handle, store, { current: blue, candidate: green }, memo.apart);
  await handle.save({ memo: { permissionDifferences, shadowCompared: compared, questioned: figures } });
  await handle.save({ report: reportOf({ handle, context, memo: memoSchema.parse(handle.run.memo) }) });
  const { missing, extra, mismatched } = memo.compared;
  const found = { missing: missing.count, extra: extra.count, mismatched: mismatched.count, permissionDifferences };
  const unequal = Object.entries(found).filter(([, count]) => count > 0);
  if (accept || (unequal.length === 0 && reasons.length === 0)) return 'cutover';
  // Resumed, it compares anew: what was mended meanwhile shall count.
  await handle.save({ memo: { compared: {}, apart: {} } });
  const example = [...missing.keys, ...extra.keys, ...mismatched.keys, ...keys][0];
  const what = [
    ...unequal.map(([kind, count]) => `${count} ${kind}`),
    ...(example === undefined ? [] : [`for example ${example}`]),
    ...reasons.map(reason => `asked as readers ask: ${reason}`),
  ];
  throw new DistributaryError('rebuild-unproven', `${green.name}: ${what.join('; ')}`);
}

/** The way back is open before the way forward is gone. */
async function cutOver({ handle, context, store, memo, blue, green }: Rebuilding): Promise<NextStep> {
  const { rollbackWindowSeconds } = requestSchema.parse(handle.run.request);
  await watched({ handle, context, store, memo }, async () => {
    await openWindow(context, store.name, [blue.name, green.name], rollbackWindowSeconds);
    await moveReaders(context, store, blue, green);
  });
  await handle.save({ memo: { cutOverAt: context.clock.now() } });
  return 'finish';
}

async function finish({ handle, context, memo }: Rebuilding): Promise<NextStep> {
  await handle.save({ report: reportOf({ handle, context, memo }) });
  return DONE;
}

/** The old target is as it was: readers have never left it, and nobody stopped feeding it. */
async function takeBack({ handle, context, memo, green }: Rebuilding): Promise<void> {
  if (memo.green !== undefined) await dismiss(context, green);
  await handle.save({ report: reportOf({ handle, context, memo }) });
}

type Parts = Pick<Rebuilding, 'handle' | 'context' | 'store' | 'memo'>;

/** Does it while somebody looks whether readers have a target. */
async function watched<Result>({ handle, context, store, memo }: Parts, work: () => Promise<Result>): Promise<Result> {
  const watch = watchReaders(store, context.clock);
  let result: Result;
  try {
    result = await work();
  } finally {
    const missingSeconds = watch.stop();
    if (missingSeconds > 0) await handle.save({ memo: { downtimeSeconds: memo.downtimeSeconds + missingSeconds } });
  }
  return result;
}

function reportOf({ handle, context, memo }: Pick<Rebuilding, 'handle' | 'context' | 'memo'>): JsonObject {
  const { fill: filled, compared } = memo;
  const { rollbackWindowSeconds } = requestSchema.parse(handle.run.request);
  return {
    durationSeconds: (context.clock.now() - handle.run.startedAt) / 1000,
    from: memo.blue ?? null,
    to: memo.green ?? null,
    rows: filled.rows,
    documents: compared.documents,
    ranges: compared.ranges,
    equalRanges: compared.equalRanges,
    repaired: compared.repaired,
    missing: compared.missing,
    extra: compared.extra,
    mismatched: compared.mismatched,
    refused: { count: filled.refused, examples: filled.refusals as unknown as JsonObject[] },
    shadowReads: memo.shadowCompared,
    permissionDifferences: memo.permissionDifferences,
    questions: memo.questioned ?? null,
    downtimeSeconds: memo.downtimeSeconds,
    cutOverAt: memo.cutOverAt === undefined ? null : new Date(memo.cutOverAt).toISOString(),
    rollbackUntil:
      memo.cutOverAt === undefined ? null : new Date(memo.cutOverAt + rollbackWindowSeconds * 1000).toISOString(),
  };
}

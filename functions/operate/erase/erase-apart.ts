import * as z from 'zod';
import { parseBody, storeGroup } from '../../control-items.ts';
import type { OperateContext } from '../context.ts';
import { mustErase } from './erasable-places.ts';
import { drained } from './erase-drain.ts';
import { storeTraces, tracesOfQueue } from './erase-scan.ts';
import { eraseFromOwnStore, type Place, placeSchema, watchForLate } from './erase-stores.ts';
import { erasedWith, watchedSince } from './erasure-rows.ts';

/**
 * Stores that a team has brought are in the hands of a function of that team's, and the pipeline's has no rights on them. It
 * asks by an item of the control table; the team's function, which looks each minute, erases and answers beside it. Who has
 * to be asked is no list that somebody keeps: it is whoever is subscribed to the changes.
 */
const askedSchema = z.strictObject({
  cases: z.array(z.string()),
  /** Whether it is to look again for what was erased in the last weeks, too. */
  again: z.boolean(),
  answer: z.strictObject({ places: z.array(placeSchema), traces: z.array(placeSchema) }).nullable(),
});
type Answer = NonNullable<z.infer<typeof askedSchema>['answer']>;

/** Sort key of what is asked, among a store's items; behind it the id of the erasure's run. */
const ASKED = 'erase#';

/** What an erasure keeps of them. */
export const apartSchema = z.strictObject({
  stores: z.array(z.string()),
  /** ARNs of what is subscribed to the changes and is no queue of a store. */
  strangers: z.array(z.string()),
  /** Milliseconds since 1970. */
  askedAt: z.int(),
  /** Who has not answered, once that is known. */
  silent: z.array(z.string()).nullable(),
  traces: z.array(placeSchema),
});
type Apart = z.infer<typeof apartSchema>;

/** Who gets the changes and is not in our hands. */
export async function whoIsApart(context: OperateContext): Promise<Pick<Apart, 'stores' | 'strangers'>> {
  const own = new Set(context.stores.map(({ name }) => name));
  const { listeners, storeOfQueue } = mustErase(context);
  const found = (await listeners()).map(arn => ({ arn, store: storeOfQueue(arn) }));
  const stores = found.flatMap(({ store }) => (store === undefined || own.has(store) ? [] : [store]));
  const strangers = found.flatMap(({ arn, store }) => (store === undefined ? [arn] : []));
  return { stores: [...new Set(stores)].sort(), strangers: [...new Set(strangers)].sort() };
}

interface Asking {
  readonly run: string;
  readonly cases: readonly string[];
  readonly again: boolean;
}

/** Safe to repeat: what is asked already stays as it is. */
export async function askApart(
  { control }: OperateContext,
  stores: readonly string[],
  { run, cases, again }: Asking,
): Promise<void> {
  for (const store of stores) {
    // Nobody reads answers of former runs any more; what none has answered yet is still to be done.
    for await (const item of control.list(storeGroup(store), ASKED)) {
      const isOver = item.name !== ASKED + run && parseBody(askedSchema, item).answer !== null;
      if (isOver) await control.remove(storeGroup(store), item.name, item.revision);
    }
    await control.swap(storeGroup(store), ASKED + run, 0, { cases: [...cases], again, answer: null });
  }
}

/** What each has answered; nothing of a store that has not. */
export async function answersOf(
  { control }: OperateContext,
  stores: readonly string[],
  run: string,
): Promise<ReadonlyMap<string, Answer>> {
  const answers = new Map<string, Answer>();
  for (const store of stores) {
    const item = await control.read(storeGroup(store), ASKED + run);
    const answer = item && parseBody(askedSchema, item).answer;
    if (answer) answers.set(store, answer);
  }
  return answers;
}

/**
 * The team's part: erases what it was asked to from its own stores, once the deletions have passed their queues; what is
 * not so far waits for the next minute. Safe to repeat, and to end at any point.
 */
export async function eraseAsAsked(context: OperateContext): Promise<void> {
  for (const { name } of context.stores) {
    for await (const item of context.control.list(storeGroup(name), ASKED)) {
      const asked = parseBody(askedSchema, item);
      if (asked.answer) continue;
      const answer = await eraseOwn(context, { run: item.name.slice(ASKED.length), ...asked });
      if (answer) await context.control.swap(storeGroup(name), item.name, item.revision, { ...asked, answer });
    }
  }
}

async function eraseOwn(context: OperateContext, { run, cases, again }: Asking): Promise<Answer | undefined> {
  const erased = await erasedWith(context, cases);
  if (!(await drained(context, erased))) return undefined;
  await watchForLate(run, context, erased);
  const watched = again ? await watchedSince(context) : [];
  const keys = new Set<string>([...erased, ...watched].map(({ key }) => key));
  const places: Place[] = [];
  const traces: Place[] = [];
  for (const store of context.stores) {
    places.push(...(await eraseFromOwnStore(context, store, erased, watched)));
    const own = erased.filter(({ aggregate }) => store.definition.contract.aggregates.includes(aggregate));
    const left = [...(await storeTraces(context, store, own)), ...(await tracesOfQueue(context, store.name, keys))];
    traces.push(...left.filter(({ count }) => count > 0).map(({ place, what, count }) => ({ place, what, count })));
  }
  return { places, traces };
}

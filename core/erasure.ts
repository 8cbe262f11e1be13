import * as z from 'zod';

/** What the control table keeps of an erasure for a store whose files come late: see functions/compact/erasing.ts. */
export const erasedItemSchema = z.strictObject({
  keys: z.array(z.string()),
  /** Milliseconds since 1970: when the last of them was deleted. */
  at: z.int().min(0),
});

/** Sort key of such an item among those of its store. */
export const ERASED = 'erased#';

/**
 * Whatever was on its way when an aggregate was erased has arrived or is gone after this: 14 days in a queue, 14 more as a
 * dead letter, and a week for whoever sends one back.
 */
export const ERASURE_WATCH_DAYS = 35;

/** What a command purged is looked for so often, and what does not go then is tried again after twice as long each time. */
export const PURGE_LOOK_MINUTES = 5;
export const PURGE_RETRY_MINUTES = 5;
/** A purge that has left traces for longer alarms: twice a look, and a quarter of an hour for a team that is silent. */
export const PURGE_ALARM_MINUTES = 30;

export type Stripped =
  | { readonly kind: 'untouched' }
  /** Nothing else was in it. */
  | { readonly kind: 'empty'; readonly events: number }
  | { readonly kind: 'rest'; readonly events: number; readonly body: string };

const packSchema = z.array(z.looseObject({ subject: z.string().optional(), deleted: z.boolean().optional() }));

/**
 * A message without what tells of these keys; their deletions stay, for they tell nothing. What is no pack and names one of
 * the keys goes as a whole: nobody can say what else of it there is in it.
 */
export function withoutErased(body: string, keys: ReadonlySet<string>): Stripped {
  const pack = packOf(body);
  if (!pack) {
    const isNamed = [...keys].some(key => body.includes(key));
    return isNamed ? { kind: 'empty', events: 1 } : { kind: 'untouched' };
  }
  const rest = pack.filter(({ subject, deleted }) => deleted === true || subject === undefined || !keys.has(subject));
  const events = pack.length - rest.length;
  if (events === 0) return { kind: 'untouched' };
  return rest.length === 0 ? { kind: 'empty', events } : { kind: 'rest', events, body: JSON.stringify(rest) };
}

function packOf(body: string): z.infer<typeof packSchema> | undefined {
  try {
    return packSchema.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}

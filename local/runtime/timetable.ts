import { DistributaryError } from '../../core/errors.ts';

/** When a schedule is due: EventBridge's `rate(5 minutes)` or `cron(0 3 * * ? *)`, in UTC. */
export interface Timetable {
  /** A rate begins when it is made, a cron at its time. */
  readonly isDueAtOnce: boolean;
  /** The first time after `after`, both in ms since 1970. */
  next(after: number): number;
}

const MINUTE_MS = 60_000;
const UNIT_MS = { minute: MINUTE_MS, hour: 60 * MINUTE_MS, day: 24 * 60 * MINUTE_MS } as const;
/** A cron that is not due within four years (a 29th of February) never is. */
const MAX_MINUTES_AHEAD = 4 * 366 * 24 * 60;

export function parseTimetable(expression: string): Timetable {
  const rate = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression);
  if (rate) {
    const intervalMs = Number(rate[1]) * UNIT_MS[rate[2] as keyof typeof UNIT_MS];
    return { isDueAtOnce: true, next: after => after + intervalMs };
  }
  const cron = /^cron\((.+)\)$/.exec(expression)?.[1]?.split(/\s+/);
  if (cron?.length !== 6) throw unsupported(expression);
  return { isDueAtOnce: false, next: cronOf(cron, expression) };
}

const unsupported = (expression: string): DistributaryError =>
  new DistributaryError('template-unsupported', `schedule ${expression}`);

const MONTHS = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ');
const DAYS = 'SUN MON TUE WED THU FRI SAT'.split(' ');

/** Minutes, hours, day of month, month, day of week, year. */
function cronOf(fields: readonly string[], expression: string): (after: number) => number {
  const [minute, hour, day, month, weekday, year] = [
    { from: 0, to: 59, names: [] },
    { from: 0, to: 23, names: [] },
    { from: 1, to: 31, names: [] },
    { from: 1, to: 12, names: MONTHS },
    { from: 1, to: 7, names: DAYS },
    { from: 1970, to: 2199, names: [] },
  ].map((range, index) => matcher(fields[index]!, range, expression)) as [Match, Match, Match, Match, Match, Match];
  const isDue = (at: Date) =>
    minute(at.getUTCMinutes()) &&
    hour(at.getUTCHours()) &&
    day(at.getUTCDate()) &&
    month(at.getUTCMonth() + 1) &&
    weekday(at.getUTCDay() + 1) &&
    year(at.getUTCFullYear());
  return after => {
    const first = (Math.floor(after / MINUTE_MS) + 1) * MINUTE_MS;
    for (let ahead = 0; ahead < MAX_MINUTES_AHEAD; ahead++) {
      const at = first + ahead * MINUTE_MS;
      if (isDue(new Date(at))) return at;
    }
    return Number.POSITIVE_INFINITY;
  };
}

type Match = (value: number) => boolean;

/** Lists, ranges and steps of numbers or names; `?` is `*`. The wildcards L, W and # are not read. */
function matcher(
  field: string,
  { from, to, names }: { from: number; to: number; names: readonly string[] },
  expression: string,
): Match {
  const numberOf = (text: string) => {
    const named = names.indexOf(text.toUpperCase());
    if (named < 0 && !/^\d+$/.test(text)) throw unsupported(expression);
    return named < 0 ? Number(text) : from + named;
  };
  const allowed = new Set<number>();
  for (const part of field.split(',')) {
    const [span = '', step = '1'] = part.split('/');
    const [low, high] = span === '*' || span === '?' ? [from, to] : span.split('-').map(numberOf);
    const last = high ?? (part.includes('/') ? to : low!);
    for (let value = low!; value <= last; value += Math.max(1, numberOf(step))) allowed.add(value);
  }
  return value => allowed.has(value);
}

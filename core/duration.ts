import * as z from 'zod';

/** Seconds. */
const UNITS = { millisecond: 0.001, second: 1, minute: 60, hour: 3600, day: 86_400, week: 604_800 } as const;
const PATTERN = /^(?:under_)?(\d+)_(millisecond|second|minute|hour|day|week)s?$/;

/** Reads `under_10_seconds`, `60_seconds`, `4_hours`; yields seconds. */
export const durationSchema = z.string().transform((text, context) => {
  const [, count, unit] = PATTERN.exec(text) ?? [];
  if (count === undefined || unit === undefined) {
    context.addIssue({ code: 'custom', message: 'is no duration such as under_10_seconds, 5_minutes or 4_hours' });
    return z.NEVER;
  }
  return Number(count) * UNITS[unit as keyof typeof UNITS];
});

/** `90 s`, `5 min`, `2 h`, `14 days`: the largest unit that leaves a whole number. */
export function durationText(seconds: number): string {
  const unit = (['day', 'hour', 'minute'] as const).find(name => seconds >= UNITS[name] && seconds % UNITS[name] === 0);
  if (unit === undefined) return `${seconds} s`;
  const count = seconds / UNITS[unit];
  return { day: `${count} day${count === 1 ? '' : 's'}`, hour: `${count} h`, minute: `${count} min` }[unit];
}

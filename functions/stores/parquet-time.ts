const MS_PER_DAY = 86_400_000;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.(\d{1,9}))?(?:Z|[+-]\d{2}:\d{2})$/;

/** `2026-02-28` from days since 1970. */
export const dateOfDays = (days: number): string => new Date(days * MS_PER_DAY).toISOString().slice(0, 10);

/** Days since 1970; nothing for what is no date, or none that the calendar has. */
export function daysOfDate(text: string): number | undefined {
  const days = DATE.test(text) ? Date.parse(text) / MS_PER_DAY : Number.NaN;
  return Number.isInteger(days) && dateOfDays(days) === text ? days : undefined;
}

/** The UTC day of a moment, `2026-02-28`. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
export const endOfDay = (ms: number): number => (Math.floor(ms / MS_PER_DAY) + 1) * MS_PER_DAY;

/** Microseconds since 1970, which is what PostgreSQL keeps; nothing for what is no time with a zone. */
export function microsOfTime(text: string): bigint | undefined {
  const match = TIMESTAMP.exec(text);
  // Of itself the language takes the last of any February for the first of March.
  if (!match || daysOfDate(text.slice(0, 10)) === undefined) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) return undefined;
  const belowMs = (match[1] ?? '').padEnd(6, '0').slice(3, 6);
  return BigInt(ms) * 1000n + BigInt(belowMs);
}

/** `2026-02-28T09:30:00.123Z`, with microseconds only where there are any. */
export function timeOfMicros(micros: bigint): string {
  const belowMs = ((micros % 1000n) + 1000n) % 1000n;
  const text = new Date(Number((micros - belowMs) / 1000n)).toISOString();
  return belowMs === 0n ? text : `${text.slice(0, -1)}${String(belowMs).padStart(3, '0')}Z`;
}

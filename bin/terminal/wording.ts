/** How quantities read in tables and lines. */

export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

/** `0.04 s`, `1.3 s`, `42 s`, `3 min`, `2.5 h` */
export function seconds(value: number): string {
  // Bounds below which rounding keeps two digits.
  if (value < 9.95) return `${value.toFixed(value < 0.995 ? 2 : 1)} s`;
  if (value < 120) return `${Math.round(value)} s`;
  return value < 7200 ? `${Math.round(value / 60)} min` : `${(value / 3600).toFixed(1)} h`;
}

/** For JSON: seconds with as many digits as mean something. */
export const toMilliseconds = (value: number): number => Math.round(value * 1000) / 1000;

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

export function bytes(value: number): string {
  let [amount, unit] = [value, 0];
  for (; amount >= 1000 && unit < UNITS.length - 1; unit += 1) amount /= 1000;
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[unit]}`;
}

/** `1 row`, `2 rows` */
export const counted = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;

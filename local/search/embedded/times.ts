import { invalid, notSpoken } from './refusal.ts';

const UNIT_MS: { readonly [unit: string]: number } = {
  nanos: 1e-6,
  micros: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `30s` in milliseconds; `-1` is never. */
export function parseDuration(text: string, setting: string): number {
  if (text === '-1' || text === '0') return Number(text);
  const [, amount, unit] = /^(\d+)\s*([a-zA-Z]+)$/.exec(text) ?? [];
  const ms = unit === undefined ? undefined : UNIT_MS[unit];
  if (ms !== undefined) return Number(amount) * ms;
  throw invalid(
    `failed to parse setting [${setting}] with value [${text}] as a time value: unit is missing or unrecognized`,
  );
}

/** The instants that a partial date covers: OpenSearch fills the parts left out with their least or greatest. */
export interface Moment {
  readonly first: number;
  /** Absent months and days count as the first even here, absent hours and less as the last. */
  readonly last: number;
}

const ISO =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(?:(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d\d(?::?\d\d)?)?)?)?)?)?$/;

/** A date of `strict_date_optional_time`. */
function parseIso(text: string): Moment | undefined {
  const parts = ISO.exec(text);
  if (!parts) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = parts;
  const date = Date.UTC(Number(year), Number(month ?? 1) - 1, Number(day ?? 1));
  const real = new Date(date);
  if (real.getUTCMonth() !== Number(month ?? 1) - 1 || real.getUTCDate() !== Number(day ?? 1)) return undefined;
  if (Number(hour ?? 0) > 23 || Number(minute ?? 0) > 59 || Number(second ?? 0) > 59) return undefined;
  const millis = fraction === undefined ? undefined : Number(fraction.padEnd(9, '0').slice(0, 3));
  const at = (h: number, m: number, s: number, ms: number) =>
    date +
    Number(hour ?? h) * 3_600_000 +
    Number(minute ?? m) * 60_000 +
    Number(second ?? s) * 1_000 +
    (millis ?? ms) -
    offsetMs(zone);
  return { first: at(0, 0, 0, 0), last: at(23, 59, 59, 999) };
}

/** `+02:00`, `+0200` and `+02` in milliseconds. */
export function offsetMs(zone: string | undefined): number {
  if (!zone || zone === 'Z') return 0;
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes ?? 0)) * 60_000;
}

function parseEpoch(text: string, unitMs: number): Moment | undefined {
  if (!/^-?\d+(\.\d+)?$/.test(text)) return undefined;
  const ms = Math.floor(Number(text) * unitMs);
  return { first: ms, last: ms };
}

const FORMATS: { readonly [format: string]: (text: string) => Moment | undefined } = {
  strict_date_optional_time: parseIso,
  epoch_millis: text => parseEpoch(text, 1),
  epoch_second: text => parseEpoch(text, 1_000),
  strict_date: text => (/^\d{4}-\d\d-\d\d$/.test(text) ? parseIso(text) : undefined),
  'yyyy-MM-dd': text => (/^\d{4}-\d\d-\d\d$/.test(text) ? parseIso(text) : undefined),
};

export const DEFAULT_DATE_FORMAT = 'strict_date_optional_time||epoch_millis';

/** Refuses a format that is not spoken. */
export function checkDateFormat(format: string): void {
  const unknown = format.split('||').find(name => !FORMATS[name]);
  if (unknown !== undefined) throw notSpoken(`date format [${unknown}]`);
}

export function parseDate(text: string, format: string): Moment | undefined {
  for (const name of format.split('||')) {
    const moment = FORMATS[name]?.(text);
    if (moment) return moment;
  }
  return undefined;
}

/** `2024-03-10||+1d/d` and `now-1h/h`: an anchor, then steps and roundings. */
export function parseDateMath(text: string, format: string, now: number): Moment | undefined {
  const anchored = text.startsWith('now');
  const at = anchored ? 3 : text.indexOf('||');
  const anchor = anchored ? { first: now, last: now } : parseDate(at < 0 ? text : text.slice(0, at), format);
  if (!anchor || (!anchored && at < 0)) return anchor;
  const math = text.slice(anchored ? 3 : at + 2);
  const steps = [...math.matchAll(/([+-])(\d*)([yMwdhHms])|\/([yMwdhHms])/g)];
  if (steps.map(step => step[0]).join('') !== math) return undefined;
  let { first, last } = anchored ? anchor : { first: anchor.first, last: anchor.first };
  for (const [, sign, amount, unit, rounding] of steps) {
    if (rounding) {
      last = floorDate(addDate(floorDate(last, rounding), 1, rounding), rounding) - 1;
      first = floorDate(first, rounding);
    } else {
      const count = (sign === '-' ? -1 : 1) * Number(amount || 1);
      first = addDate(first, count, unit as string);
      last = addDate(last, count, unit as string);
    }
  }
  if (steps.length === 0 && !anchored) ({ last } = anchor);
  return { first, last };
}

/** Calendar units step by the calendar (a month later is the same day, or the month's last); the others by their length. */
export function addDate(ms: number, count: number, unit: string): number {
  if (unit !== 'y' && unit !== 'M')
    return ms + count * (unit === 'w' ? 7 * 86_400_000 : (UNIT_MS[unit.toLowerCase()] ?? 0));
  const date = new Date(ms);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + count * (unit === 'y' ? 12 : 1));
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, lastDay));
  return date.getTime();
}

/** The start of the unit that holds the instant; weeks start on Monday. */
export function floorDate(ms: number, unit: string): number {
  const date = new Date(ms);
  if (unit === 'y') return Date.UTC(date.getUTCFullYear(), 0);
  if (unit === 'M') return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
  if (unit === 'w') return Math.floor((ms - 4 * 86_400_000) / (7 * 86_400_000)) * 7 * 86_400_000 + 4 * 86_400_000;
  const length = UNIT_MS[unit.toLowerCase()] as number;
  return Math.floor(ms / length) * length;
}

/** How an aggregation writes an instant. */
export function formatDate(ms: number, format: string | undefined): string {
  const iso = new Date(ms).toISOString();
  switch (format) {
    case undefined:
    case DEFAULT_DATE_FORMAT:
    case 'strict_date_optional_time':
      return iso;
    case 'yyyy-MM-dd':
    case 'strict_date':
      return iso.slice(0, 10);
    case 'yyyy-MM':
      return iso.slice(0, 7);
    case 'yyyy':
      return iso.slice(0, 4);
    case 'epoch_millis':
      return String(ms);
    default:
      throw notSpoken(`date format [${format}] of an aggregation`);
  }
}

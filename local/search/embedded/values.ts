import { isObject, type Json } from './json.ts';
import { type Field, type FieldTypeName, isDecimal, isNumber } from './mapping.ts';
import { type Cause, notSpoken, type Refusal, refuse } from './refusal.ts';
import { parseDate } from './times.ts';

const RANGES: { readonly [type: string]: readonly [number, number, string] } = {
  byte: [-128, 127, 'a byte'],
  short: [-32_768, 32_767, 'a short'],
  integer: [-2_147_483_648, 2_147_483_647, 'an integer'],
};

/** One value as its field stores it; `undefined` where the field leaves it out. Refuses what does not fit. */
export function parseValue(value: Json, field: Field, id: string): string | number | undefined {
  const { type } = field;
  const fail = (cause: Cause) => unreadable(value, field, id, cause);
  if (isObject(value)) throw fail(objectCause(type));
  if (type === 'text') return String(value);
  if (type === 'keyword') {
    const text = String(value);
    return text.length > field.ignoreAbove ? undefined : text;
  }
  if (type === 'boolean') return parseBoolean(value, fail);
  if (type === 'date') return parseDateValue(String(value), field, fail);
  return parseNumber(value, field, fail);
}

function objectCause(type: FieldTypeName): Cause {
  if (type === 'boolean') {
    return { type: 'json_parse_exception', reason: 'Current token (START_OBJECT) not of boolean type' };
  }
  if (isNumber(type)) return { type: 'json_parse_exception', reason: 'Current token (START_OBJECT) not numeric' };
  return { type: 'illegal_state_exception', reason: "Can't get text on a START_OBJECT" };
}

function unreadable(value: Json, field: Field, id: string, cause: Cause): Refusal {
  const reason =
    `failed to parse field [${field.path}] of type [${field.type}] in document with id '${id}'. ` +
    `Preview of field's value: '${preview(value)}'`;
  return refuse(400, 'mapper_parsing_exception', reason, {}, cause);
}

/** As Java prints a map. */
function preview(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(preview).join(', ')}]`;
  if (!isObject(value)) return String(value);
  return `{${Object.entries(value)
    .map(([key, member]) => `${key}=${preview(member)}`)
    .join(', ')}}`;
}

function parseBoolean(value: Json, fail: (cause: Cause) => Refusal): number {
  if (value === true || value === 'true') return 1;
  if (value === false || value === 'false' || value === '') return 0;
  if (typeof value === 'number') {
    throw fail({ type: 'json_parse_exception', reason: 'Current token (VALUE_NUMBER_INT) not of boolean type' });
  }
  const reason = `Failed to parse value [${value}] as only [true] or [false] are allowed.`;
  throw fail({ type: 'illegal_argument_exception', reason });
}

function parseDateValue(text: string, { format }: Field, fail: (cause: Cause) => Refusal): number {
  if (text === '') throw fail({ type: 'illegal_argument_exception', reason: 'cannot parse empty date' });
  const moment = parseDate(text, format);
  if (moment) return moment.first;
  const reason = `failed to parse date field [${text}] with format [${format}]`;
  const cause = { type: 'date_time_parse_exception', reason: 'Failed to parse with all enclosed parsers' };
  throw fail({ type: 'illegal_argument_exception', reason, caused_by: cause });
}

function parseNumber(value: Json, { type, coerce }: Field, fail: (cause: Cause) => Refusal): number | undefined {
  if (value === '' && coerce) return undefined;
  if (typeof value === 'boolean') {
    const token = `VALUE_${String(value).toUpperCase()}`;
    throw fail({ type: 'json_parse_exception', reason: `Current token (${token}) not numeric` });
  }
  const name = `${type[0]?.toUpperCase()}${type.slice(1)}`;
  if (typeof value === 'string' && !coerce) {
    throw fail({ type: 'illegal_argument_exception', reason: `${name} value passed as String` });
  }
  const number = readNumber(String(value));
  if (number === undefined) {
    const kind = isDecimal(type) ? 'number_format_exception' : 'illegal_argument_exception';
    throw fail({ type: kind, reason: `For input string: "${value}"` });
  }
  if (isDecimal(type)) return parseDecimal(number, type, fail);
  if (!coerce && !Number.isInteger(number)) {
    const reason = `${value} cannot be converted to ${name} without data loss`;
    throw fail({ type: 'illegal_argument_exception', reason });
  }
  return parseInteger(value, Math.trunc(number), type, fail);
}

function parseDecimal(number: number, type: FieldTypeName, fail: (cause: Cause) => Refusal): number {
  const stored = type === 'float' ? Math.fround(number) : number;
  if (Number.isFinite(stored)) return stored;
  const reason = `[${type}] supports only finite values, but got [${stored > 0 ? '' : '-'}Infinity]`;
  throw fail({ type: 'illegal_argument_exception', reason });
}

function parseInteger(value: Json, number: number, type: string, fail: (cause: Cause) => Refusal): number {
  const [least, greatest, name] = RANGES[type] ?? [-(2 ** 63), 2 ** 63, 'a long'];
  if (number < least || number > greatest) {
    if (typeof value === 'string') {
      throw fail({ type: 'illegal_argument_exception', reason: `Value [${value}] is out of range for ${name}` });
    }
    throw fail({ type: 'input_coercion_exception', reason: `Numeric value (${value}) out of range of ${name}` });
  }
  if (Number.isSafeInteger(number)) return number;
  throw notSpoken(`integers beyond 2^53, such as [${value}]`);
}

/** A decimal number as Java reads one from text. */
export function readNumber(text: string): number | undefined {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(text) ? Number(text) : undefined;
}

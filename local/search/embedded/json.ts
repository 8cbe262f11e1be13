import type { Json, JsonObject } from '../../../core/change.ts';
import { refuse } from './refusal.ts';

export type { Json, JsonObject };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Most of the interface takes one value where it takes a list. */
export function list<T>(value: T | readonly T[] | undefined): readonly T[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value as T];
}

/** The body of a request: a JSON object, or an empty one where the client sent none. */
export function parseBody(text: string): JsonObject {
  if (text.trim() === '') return {};
  let body: Json;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw refuse(400, 'json_parse_exception', (error as Error).message);
  }
  if (isObject(body)) return body;
  const found = Array.isArray(body) ? 'START_ARRAY' : `VALUE_${(typeof body).toUpperCase()}`;
  throw refuse(400, 'parsing_exception', `Expected [START_OBJECT] but found [${found}]`);
}

/** In the order of code points, as UTF-8 sorts: JavaScript's own order differs beyond the first plane. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const surrogate = (unit: number) => unit >= 0xd800 && unit < 0xe000;
    if (surrogate(x) !== surrogate(y) && x >= 0xd800 && y >= 0xd800) return surrogate(x) ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

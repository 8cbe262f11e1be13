import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Json, JsonObject } from '../../core/change.ts';

export type Item = Record<string, AttributeValue>;

/** JSON as DynamoDB holds it. Numbers keep their value: 17 digits name a double, DynamoDB keeps 38. */
export function toAttribute(value: Json): AttributeValue {
  if (value === null) return { NULL: true };
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'number') return { N: String(value) };
  if (typeof value === 'boolean') return { BOOL: value };
  if (Array.isArray(value)) return { L: value.map(toAttribute) };
  return { M: toItem(value as JsonObject) };
}

export const toItem = (object: JsonObject): Item =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, toAttribute(value)]));

export function fromAttribute(attribute: AttributeValue): Json {
  if (attribute.S !== undefined) return attribute.S;
  if (attribute.N !== undefined) return Number(attribute.N);
  if (attribute.BOOL !== undefined) return attribute.BOOL;
  if (attribute.L !== undefined) return attribute.L.map(fromAttribute);
  if (attribute.M !== undefined) return fromItem(attribute.M);
  if (attribute.NULL !== undefined) return null;
  throw new TypeError(`no JSON is stored as ${Object.keys(attribute)}`);
}

export const fromItem = (item: Item): JsonObject =>
  Object.fromEntries(Object.entries(item).map(([name, attribute]) => [name, fromAttribute(attribute)]));

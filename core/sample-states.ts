import fc from 'fast-check';
import type { AggregateContract, Group, Property } from './aggregate-contract.ts';
import type { Json, JsonObject } from './change.ts';

const MAX_TEXT_CHARACTERS = 24;
const MAX_ITEMS = 3;
/** Any will do; the same one gives the same samples everywhere. */
const SEED = 20_260_101;
const LARGEST = 1_000_000;
const TIMES = { min: new Date('2000-01-01T00:00:00Z'), max: new Date('2040-01-01T00:00:00Z'), noInvalidDate: true };

/** Every state that the current version of an aggregate's contract allows, awkward ones included. */
export const stateArbitrary = ({ current }: AggregateContract): fc.Arbitrary<JsonObject> =>
  // Through its text, as a state comes in: no `-0`, no prototype.
  groupArbitrary(current).map(state => JSON.parse(JSON.stringify(state)));

/** Some of those states, the same at every call. */
export const sampleStates = (contract: AggregateContract, count: number): readonly JsonObject[] =>
  fc.sample(stateArbitrary(contract), { numRuns: count, seed: SEED });

const groupArbitrary = ({ properties }: Group): fc.Arbitrary<JsonObject> =>
  fc.record(Object.fromEntries(Object.entries(properties).map(([name, body]) => [name, valueArbitrary(body)])));

function valueArbitrary(property: Property): fc.Arbitrary<Json> {
  const { type, enum: allowed } = property;
  if (allowed) return fc.constantFrom(...allowed);
  const types = typeof type === 'string' ? [type] : type;
  return fc.oneof(...types.map(one => ofType(one, property)));
}

function ofType(type: string, property: Property): fc.Arbitrary<Json> {
  const { minimum: min = -LARGEST, maximum: max = Math.max(min, LARGEST), items, properties } = property;
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min, max });
    case 'number':
      return fc.double({ min, max, noNaN: true });
    case 'array':
      return fc.array(items && !('type' in items) ? groupArbitrary(items) : valueArbitrary(items as Property), {
        maxLength: MAX_ITEMS,
      });
    case 'object':
      return groupArbitrary({ properties: properties ?? {} });
    default:
      return text(property);
  }
}

function text({ format, pattern }: Property): fc.Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  if (format === 'uuid') return fc.uuid();
  if (format === 'date') return fc.date(TIMES).map(date => date.toISOString().slice(0, 10));
  if (format === 'date-time') return fc.date(TIMES).map(date => date.toISOString());
  return fc.string({ unit: 'grapheme', maxLength: MAX_TEXT_CHARACTERS });
}

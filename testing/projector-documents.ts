import { isDeepStrictEqual } from 'node:util';
import type { Json, JsonObject } from '../core/change.ts';
import type { Field, FieldType } from '../core/store-contract.ts';
import { newKey, type ProjectorBench, type ProjectorPromise } from './projector-bench.ts';
import { shortly } from './projector-findings.ts';

/** What holds of the documents alone, before any store sees one. */
export const documentPromises: readonly ProjectorPromise[] = [
  {
    name: 'every state that its contract allows gives a document of the fields and types that its store declares, or none',
    async check(bench) {
      const key = newKey();
      for (const state of bench.samples) {
        const document = projected(bench, key, state);
        for (const [name, value] of Object.entries(document ?? {})) {
          const field = bench.definition.contract.fields[name]!;
          if (fits(field, value)) continue;
          const declared = `${field.list ? 'a list of ' : ''}${field.type}`;
          throw new Error(`field ${name} is ${shortly(value)} where the contract declares ${declared}\n${from(state)}`);
        }
      }
    },
  },
  {
    name: 'equal states give equal documents, whatever came before, and the state is left as it was',
    async check(bench) {
      const key = newKey();
      const before = bench.samples.map(state => projected(bench, key, frozen(structuredClone(state))));
      for (const [index, state] of [...bench.samples.entries()].reverse()) {
        const again = projected(bench, key, structuredClone(state));
        if (isDeepStrictEqual(before[index], again)) continue;
        const differ = `gave ${shortly(before[index])} at first and ${shortly(again)} later`;
        throw new Error(`one state ${differ}: a rebuild would not give what is there\n${from(state)}`);
      }
    },
  },
];

function projected(bench: ProjectorBench, key: ReturnType<typeof newKey>, state: JsonObject): JsonObject | null {
  try {
    return bench.write({ key, n: 1, state }).document;
  } catch (error) {
    const { message, cause } = error as Error;
    const why = cause instanceof Error ? `${message}: ${cause.message}` : message;
    throw new Error(`${why}\n${from(state)}`, { cause: cause ?? error });
  }
}

const from = (state: JsonObject): string => `  the state was ${JSON.stringify(state)}`;

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(frozen);
  return Object.freeze(value);
}

const isText = (value: Json): boolean => typeof value === 'string';
const FITS: Readonly<Record<FieldType, (value: Json) => boolean>> = {
  keyword: isText,
  text: isText,
  integer: Number.isInteger,
  number: Number.isFinite,
  boolean: value => typeof value === 'boolean',
  date: value => isText(value) && /^\d{4}-\d\d-\d\d$/.test(String(value)),
  timestamp: value => isText(value) && !Number.isNaN(Date.parse(String(value))),
  object: value => typeof value === 'object' && !Array.isArray(value),
};

/** What is unknown may be null. */
function fits({ type, list }: Field, value: Json): boolean {
  if (value === null) return true;
  if (!list) return FITS[type](value);
  return Array.isArray(value) && value.every(item => item !== null && FITS[type](item));
}

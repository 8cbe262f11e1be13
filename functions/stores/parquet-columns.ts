import type { SchemaElement } from 'hyparquet';
import type { Json, JsonObject } from '../../core/change.ts';
import type { Field, FieldType, ProjectedContract } from '../../core/store-contract.ts';
import { dateOfDays, daysOfDate, microsOfTime, timeOfMicros } from './parquet-time.ts';

/** A value as Parquet's reader and writer pass it around. JSON columns hold any of it. */
export type Cell = Json | bigint | readonly Cell[];

/** How the values of a type lie in a file. */
interface Kind {
  readonly element: Omit<SchemaElement, 'name'>;
  /** What a value of it is called in a message. */
  readonly called: string;
  /** `undefined` where the value cannot be stored. */
  toCell(value: Json): Cell | undefined;
  fromCell(cell: Cell): Json;
}

const asIs = (cell: Cell): Json => cell as Json;
const only = (type: 'string' | 'number' | 'boolean') => (value: Json) => (typeof value === type ? value : undefined);

export const TEXT_ELEMENT = { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } } as const;
export const TIME_ELEMENT = {
  type: 'INT64',
  converted_type: 'TIMESTAMP_MICROS',
  logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
} as const;

const LIST = { converted_type: 'LIST', logical_type: { type: 'LIST' } } as const;

const text: Kind = { element: TEXT_ELEMENT, called: 'text', toCell: only('string'), fromCell: asIs };

const KINDS: Readonly<Record<FieldType, Kind>> = {
  keyword: text,
  text,
  integer: {
    element: { type: 'INT64' },
    called: 'an integer',
    toCell: value => (Number.isSafeInteger(value) ? BigInt(value as number) : undefined),
    fromCell: Number,
  },
  number: { element: { type: 'DOUBLE' }, called: 'a number', toCell: only('number'), fromCell: asIs },
  boolean: { element: { type: 'BOOLEAN' }, called: 'true or false', toCell: only('boolean'), fromCell: asIs },
  date: {
    element: { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } },
    called: 'a date such as 2026-02-28',
    toCell: value => (typeof value === 'string' ? daysOfDate(value) : undefined),
    fromCell: cell => dateOfDays(cell as number),
  },
  timestamp: {
    element: TIME_ELEMENT,
    called: 'a time with its zone such as 2026-02-28T09:30:00Z',
    toCell: value => (typeof value === 'string' ? microsOfTime(value) : undefined),
    fromCell: cell => timeOfMicros(cell as bigint),
  },
  // JSON text, which query engines read with their JSON functions: a column for each thing inside would change with it.
  object: {
    element: { type: 'BYTE_ARRAY', converted_type: 'JSON', logical_type: { type: 'JSON' } },
    called: 'an object',
    toCell: value => (typeof value === 'object' && !Array.isArray(value) ? value : undefined),
    fromCell: asIs,
  },
};

/** A field of the contract: a column of its type, or of lists of it. Null, and a field that is absent, is a null. */
export interface FieldColumn {
  readonly name: string;
  readonly schema: readonly SchemaElement[];
  readonly called: string;
  toCell(value: Json): Cell | undefined;
  fromCell(cell: Cell): Json;
}

export const fieldColumns = ({ fields }: ProjectedContract): readonly FieldColumn[] =>
  Object.entries(fields).map(([name, field]) => columnOf(name, field));

function columnOf(name: string, { type, list }: Field): FieldColumn {
  const kind = KINDS[type];
  const nullable = { ...kind.element, repetition_type: 'OPTIONAL' } as const;
  if (!list) return { ...kind, name, schema: [{ name, ...nullable }] };
  const isJson = type === 'object'; // Its list is one JSON text.
  return {
    name,
    called: `a list, each item ${kind.called}`,
    schema: isJson
      ? [{ name, ...nullable }]
      : [
          { name, repetition_type: 'OPTIONAL', ...LIST, num_children: 1 },
          { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
          { name: 'element', ...nullable },
        ],
    toCell(value) {
      if (!Array.isArray(value)) return undefined;
      const cells = value.map(item => (item === null ? null : kind.toCell(item)));
      return cells.includes(undefined) ? undefined : (cells as Cell[]);
    },
    fromCell: cells => (cells as Cell[]).map(cell => (cell === null ? null : kind.fromCell(cell))),
  };
}

/** Why the document cannot be stored, if so. The value is not told: it may be personal, and messages end in logs. */
export function documentDefect(columns: readonly FieldColumn[], document: JsonObject): string | undefined {
  const unknown = Object.keys(document).find(name => !columns.some(column => column.name === name));
  if (unknown !== undefined) return `field ${unknown} is not in the contract`;
  const wrong = columns.find(({ name, toCell }) => {
    const value = document[name] ?? null;
    return value !== null && toCell(value) === undefined;
  });
  return wrong && `field ${wrong.name} is not ${wrong.called}`;
}

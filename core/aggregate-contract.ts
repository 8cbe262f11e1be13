import * as z from 'zod';
import { LANES, type Lane } from './change.ts';
import { DistributaryError } from './errors.ts';
import { hintOf } from './hint.ts';
import { type Defect, defectAt, type Path, parseYaml } from './yaml.ts';

const word = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'is no kebab-case word');
const identifier = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, 'is no snake_case identifier');
const path = z.string().regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/, 'is no path of snake_case names');
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const TYPES = ['string', 'integer', 'number', 'boolean', 'object', 'array', 'null'] as const;
/** What a change is called that only a reference made. */
export const REFERENCE_UPDATED = 'reference-updated';
/** `personal` names or locates a person; `sensitive` may harm one. */
export const PII_CLASSES = ['none', 'personal', 'sensitive'] as const;
export type Pii = (typeof PII_CLASSES)[number];

/** Column → the value it takes on: true of an update that sets it where it was another. */
const becomes = z.record(identifier, scalar);

/** What happened in the database for a change to have its name. */
const condition = z.union([
  z.enum(['inserted', 'deleted', 'updated', 'reference']),
  z.strictObject({ becomes }),
  z.strictObject({ changes: z.array(identifier).min(1) }),
  z.strictObject({
    child: identifier,
    event: z.enum(['inserted', 'updated', 'deleted']).optional(),
    becomes: becomes.optional(),
  }),
]);

const change = z.strictObject({ when: condition, lane: z.enum(LANES), means: z.string() });

/** JSON Schema of a part of the state, and where it comes from: `sql`, else the root's column of the same name. */
export interface Property {
  readonly type: (typeof TYPES)[number] | readonly (typeof TYPES)[number][];
  readonly format?: 'uuid' | 'date' | 'date-time' | undefined;
  readonly enum?: readonly z.infer<typeof scalar>[] | undefined;
  readonly pattern?: string | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly description?: string | undefined;
  /** Of everything below it. Needed at every leaf. */
  readonly pii?: Pii | undefined;
  /** An expression over the root row (`root`) and its joins, or over `rows`. */
  readonly sql?: string | undefined;
  /** The FROM and WHERE of an array's items, and their order. */
  readonly rows?: string | undefined;
  readonly order?: string | undefined;
  readonly items?: Property | Group | undefined;
  readonly properties?: Readonly<Record<string, Property>> | undefined;
}
/** An object is closed and complete: no other keys, none left out; what is absent is null. */
export interface Group {
  readonly properties: Readonly<Record<string, Property>>;
}

const property: z.ZodType<Property> = z.lazy(() =>
  z.strictObject({
    type: z.union([z.enum(TYPES), z.array(z.enum(TYPES)).min(1)]),
    format: z.enum(['uuid', 'date', 'date-time']).optional(),
    enum: z.array(scalar).optional(),
    pattern: z.string().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    description: z.string().optional(),
    pii: z.enum(PII_CLASSES).optional(),
    sql: z.string().optional(),
    rows: z.string().optional(),
    order: z.string().optional(),
    items: z.union([property, group]).optional(),
    properties: z.record(identifier, property).optional(),
  }),
);
const group = z.strictObject({ properties: z.record(identifier, property) });

/** One step from a version to the next, on the value at a dotted path. */
const upcastStep = z.union([
  z.strictObject({ move: z.strictObject({ from: path, to: path }) }),
  z.strictObject({ default: z.strictObject({ at: path, value: z.json() }) }),
  z.strictObject({ drop: z.strictObject({ at: path }) }),
  z.strictObject({ translate: z.strictObject({ at: path, values: z.record(z.string(), scalar) }) }),
]);
export type UpcastStep = z.infer<typeof upcastStep>;

const version = z.strictObject({
  properties: z.record(identifier, property),
  /** From the version before it. */
  upcast: z.array(upcastStep).optional(),
  /** A state of a version that is written no more: the test brings it up to the current one. */
  example: z.record(z.string(), z.json()).optional(),
});

const aggregateContractSchema = z.strictObject({
  aggregate: word,
  owner: word,
  description: z.string(),
  root: z.strictObject({
    table: identifier,
    key: identifier.default('id'),
    tenant: identifier.default('tenant_id'),
    /** Further tables that the state's expressions may use; none may multiply or lose the root row. */
    joins: z.string().optional(),
  }),
  /** Tables whose rows belong to the state. `aggregate` when the rows are roots of their own as well. */
  children: z.array(z.strictObject({ table: identifier, key: identifier, aggregate: word.optional() })).default([]),
  /** Columns of other rows that the state repeats, and the table and columns that link them to the root's key. */
  embeds: z
    .array(
      z.strictObject({
        table: identifier,
        columns: z.array(identifier).min(1),
        through: z.strictObject({ table: identifier, column: identifier, key: identifier }),
      }),
    )
    .default([]),
  /** Who decides what is true of it (001 step 1). The root's and the children's rows are decided by `owner`. */
  authority: z
    .strictObject({
      create: z.string(),
      correct: z.string(),
      erase: z.string(),
      /** Further tables that only this aggregate's commands write, such as its history. */
      tables: z.array(identifier).default([]),
      /** Columns that the state repeats and that no aggregate decides: `by` is the team, `system` where it does. */
      elsewhere: z
        .array(z.strictObject({ table: identifier, columns: z.array(identifier).min(1), by: word, system: z.string() }))
        .default([]),
    })
    .optional(),
  /**
   * When it is erased: once the day in a property has passed, in one of these states, and never under a legal hold; or
   * with another aggregate that it belongs to. @default never by itself
   */
  retention: z
    .union([
      z.strictObject({
        after: identifier,
        over: z.strictObject({ property: identifier, values: z.array(z.string()).min(1) }),
      }),
      z.strictObject({ with: word }),
    ])
    .optional(),
  /** In the order of precedence. */
  changes: z.record(word, change),
  versions: z.record(z.string().regex(/^[1-9]\d{0,3}$/, 'is no version number'), version),
});

type Parsed = z.infer<typeof aggregateContractSchema>;
export type Condition = z.infer<typeof condition>;
export type Embed = Parsed['embeds'][number];
export type Child = Parsed['children'][number];
export interface NamedChange {
  readonly name: string;
  readonly when: Condition;
  readonly lane: Lane;
  readonly means: string;
}

/** What one kind of aggregate is: where its state lives, what can happen to it, and what its states looked like. */
export interface AggregateContract extends Omit<Parsed, 'changes' | 'versions'> {
  /** The strongest first: a transaction that does several is known by the first. */
  readonly changes: readonly NamedChange[];
  /** Oldest first, without gaps. */
  readonly versions: readonly (z.infer<typeof version> & { readonly number: number })[];
  /** The version that the canonical store writes. */
  readonly current: z.infer<typeof version> & { readonly number: number };
}

/** Parses one file's text. Throws `FileDefects` with every defect in it: file, line, value, hint. */
export function parseAggregateContract(text: string, file: string): AggregateContract {
  const parsed = parseYaml(aggregateContractSchema, text, file, rules);
  const versions = Object.entries(parsed.versions)
    .map(([number, body]) => ({ ...body, number: Number(number) }))
    .sort((a, b) => a.number - b.number);
  return {
    ...parsed,
    changes: Object.entries(parsed.changes).map(([name, body]) => ({ name, ...body })),
    versions,
    current: versions.at(-1)!,
  };
}

/** The lane of a change by its name. Throws for a name that the contract does not have: the trigger made it up. */
export function laneOf(contract: AggregateContract, name: string): Lane {
  const found = contract.changes.find(change => change.name === name);
  if (found) return found.lane;
  const hint = hintOf(
    name,
    contract.changes.map(change => change.name),
    'changes',
  );
  throw new DistributaryError('change-malformed', `aggregate ${contract.aggregate} has no change ${name}`, { hint });
}

function* rules(contract: Parsed): Iterable<Defect> {
  yield* changeRules(contract);
  yield* childRules(contract);
  yield* versionRules(contract);
  yield* retentionRules(contract);
}

/** Each thing that can happen has exactly one name, and what takes something out of sight overtakes. */
function* changeRules({ changes, embeds }: Parsed): Iterable<Defect> {
  const named = (when: Condition) => Object.entries(changes).filter(([, body]) => body.when === when);
  for (const when of ['inserted', 'updated', 'deleted'] as const) {
    const [first, second] = named(when);
    if (!first)
      yield defectAt(['changes'], `no change is for "when: ${when}"`, 'add one, with its lane and its meaning');
    if (second) yield defectAt(['changes', second[0]], `two changes are for "when: ${when}"`, 'keep one of them');
  }
  for (const [name, { lane }] of named('deleted')) {
    if (name !== 'deleted') yield defectAt(['changes', name], `a deletion is called ${name}`, 'call it deleted');
    if (lane !== 'priority') yield defectAt(['changes', name, 'lane'], `a deletion on lane ${lane}`, 'use priority');
  }
  const [reference] = named('reference');
  if (reference && reference[0] !== REFERENCE_UPDATED) {
    yield defectAt(
      ['changes', reference[0]],
      `a reference's change is called ${reference[0]}`,
      `call it ${REFERENCE_UPDATED}`,
    );
  }
  if (!reference && embeds.length > 0) {
    yield defectAt(
      ['embeds'],
      'embeds, but no change is for "when: reference"',
      'add reference-updated to the changes',
    );
  } else if (reference?.[1].lane === 'priority') {
    yield defectAt(
      ['changes', reference[0], 'lane'],
      'a reference on lane priority',
      'use standard: it may be 50,000 at once',
    );
  }
}

function* childRules({ children, changes }: Parsed): Iterable<Defect> {
  const tables = children.map(({ table }) => table);
  const catchAll = new Set<string>();
  for (const [name, { when }] of Object.entries(changes)) {
    if (typeof when !== 'object' || !('child' in when)) continue;
    if (!tables.includes(when.child)) {
      yield defectAt(
        ['changes', name, 'when', 'child'],
        `unknown child ${when.child}`,
        hintOf(when.child, tables, 'children'),
      );
    }
    if (when.event === undefined && when.becomes === undefined) catchAll.add(when.child);
  }
  for (const [index, { table }] of children.entries()) {
    if (catchAll.has(table)) continue;
    const hint = `add one with "when: { child: ${table} }", for what no other change of that child names`;
    yield defectAt(['children', index, 'table'], `no change is for any change of ${table}`, hint);
  }
}

function* versionRules({ versions }: Parsed): Iterable<Defect> {
  const numbers = Object.keys(versions)
    .map(Number)
    .sort((a, b) => a - b);
  const current = numbers.at(-1);
  if (current === undefined) yield defectAt(['versions'], 'no version', 'describe the state as version 1');
  for (const [index, number] of numbers.entries()) {
    const { upcast, example, properties } = versions[String(number)]!;
    const at = ['versions', String(number)];
    if (index > 0 && number !== numbers[index - 1]! + 1)
      yield defectAt(at, `version ${number} comes after ${numbers[index - 1]}`);
    if (index > 0 && !upcast)
      yield defectAt(at, `no upcast to version ${number}`, 'list the steps; [] when there are none');
    if (index === 0 && upcast) yield defectAt([...at, 'upcast'], 'an upcast to the oldest version', 'remove it');
    if (number !== current && !example) yield defectAt(at, `no example of version ${number}`, 'give one state of it');
    yield* propertyRules(properties, [...at, 'properties'], number === current);
  }
}

/** What retention goes by is in the state, and is a day and one of its states. */
function* retentionRules({ retention, versions }: Parsed): Iterable<Defect> {
  if (!retention || 'with' in retention) return;
  const { properties } = versions[String(Math.max(...Object.keys(versions).map(Number)))] ?? { properties: {} };
  const names = Object.keys(properties);
  const { after, over } = retention;
  if (properties[after]?.format !== 'date') {
    yield defectAt(['retention', 'after'], `${after} is no date of the state`, hintOf(after, names, 'properties'));
  }
  const states = properties[over.property]?.enum?.map(String);
  if (!states) {
    const hint = hintOf(over.property, names, 'properties');
    yield defectAt(['retention', 'over', 'property'], `${over.property} has no enum of states`, hint);
  }
  for (const [index, value] of over.values.entries()) {
    if (!states || states.includes(value)) continue;
    const at = ['retention', 'over', 'values', index];
    yield defectAt(at, `${over.property} is never ${value}`, hintOf(value, states, 'states'));
  }
}

function* propertyRules(properties: Group['properties'], at: Path, written: boolean): Iterable<Defect> {
  for (const [name, body] of Object.entries(properties)) yield* onePropertyRules(body, [...at, name], written);
}

function* onePropertyRules(body: Property, at: Path, written: boolean): Iterable<Defect> {
  const { type, pii, sql, rows, order, items } = body;
  if (body.properties) {
    yield* propertyRules(body.properties, [...at, 'properties'], written);
    if (sql !== undefined) yield defectAt([...at, 'sql'], 'sql of an object', 'give each of its properties its own');
    return;
  }
  const ofRows = items !== undefined && !('type' in items);
  if (ofRows) yield* propertyRules(items.properties, [...at, 'items', 'properties'], written);
  else if (pii === undefined) yield defectAt(at, 'pii is missing', `allowed values: ${PII_CLASSES.join(', ')}`);
  if (type === 'array' && items === undefined) yield defectAt(at, 'an array without items', 'describe them');
  if (type === 'object') yield defectAt(at, 'an object without properties', 'describe them');
  if (!written && (sql ?? rows) !== undefined)
    yield defectAt(at, 'a source in a version that is written no more', 'remove it');
  if (written && ofRows && rows === undefined)
    yield defectAt(at, 'an array of objects without rows', 'say FROM which rows');
  if (rows !== undefined && order === undefined)
    yield defectAt(at, 'rows without an order', 'equal states must give equal texts');
}

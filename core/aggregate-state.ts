import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { AggregateContract, Group, Pii, Property, UpcastStep } from './aggregate-contract.ts';
import type { Json, JsonObject } from './change.ts';
import { DistributaryError } from './errors.ts';

/** What is wrong with a state, and where. The message quotes a value only where the contract says `pii: none`. */
export interface StateFault {
  /** JSON Pointer, e.g. `/parties/0/role`. */
  readonly pointer: string;
  readonly message: string;
}
export type StateValidator = (state: JsonObject) => readonly StateFault[];

/** JSON Schema (draft 2020-12) of a version of the state. `pii` stays in it, as an annotation. */
export function schemaOf(contract: AggregateContract, number = contract.current.number): JsonObject {
  const version = contract.versions.find(one => one.number === number);
  if (!version) throw unsupported(contract, number);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:distributary:${contract.aggregate}:${number}`,
    title: `${contract.aggregate} state`,
    description: contract.description,
    ...closed(version.properties),
  };
}

const closed = (properties: Group['properties']): JsonObject => ({
  type: 'object',
  additionalProperties: false,
  required: Object.keys(properties),
  properties: Object.fromEntries(Object.entries(properties).map(([name, body]) => [name, schemaOfProperty(body)])),
});

function schemaOfProperty({ sql, rows, order, items, properties, ...schema }: Property): JsonObject {
  const plain = JSON.parse(JSON.stringify(schema)) as JsonObject;
  if (properties) return { ...plain, ...closed(properties) };
  if (items) return { ...plain, items: 'type' in items ? schemaOfProperty(items) : closed(items.properties) };
  return plain;
}

/** Checks states of the current version. Compiled once: keep it. */
export function stateValidator(contract: AggregateContract): StateValidator {
  const ajv = new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true });
  ajv.addVocabulary(['pii']);
  addFormats.default(ajv);
  const validate = ajv.compile(schemaOf(contract));
  return state => (validate(state) ? [] : (validate.errors ?? []).map(error => faultOf(error, contract)));
}

function faultOf(
  { instancePath, message = 'is invalid', data, params }: ErrorObject,
  contract: AggregateContract,
): StateFault {
  const isPublic = piiAt(contract.current, instancePath) === 'none';
  const value = isPublic && (data === null || typeof data !== 'object') ? ` (${JSON.stringify(data)})` : '';
  const { missingProperty, additionalProperty } = params as Record<string, unknown>;
  const name = missingProperty ?? additionalProperty;
  return { pointer: `${instancePath}${name === undefined ? '' : `/${String(name)}`}`, message: `${message}${value}` };
}

/** The class of what lies at a pointer; sensitive where the contract does not know it. */
function piiAt(root: Group, pointer: string): Pii {
  let here: Property | Group | undefined = root;
  let found: Pii | undefined;
  for (const name of pointer.split('/').slice(1)) {
    here = here && 'items' in here && here.items ? here.items : here?.properties?.[name];
    if (here && 'pii' in here && here.pii) found = here.pii;
  }
  return (here && found) ?? 'sensitive';
}

/** The state as the current version has it. Throws `schema-newer` or `schema-unsupported` where no way leads there. */
export function upcast(contract: AggregateContract, state: JsonObject, fromVersion: number): JsonObject {
  if (fromVersion === contract.current.number) return state;
  if (!contract.versions.some(({ number }) => number === fromVersion)) throw unsupported(contract, fromVersion);
  const later = contract.versions.filter(({ number }) => number > fromVersion);
  const copy = structuredClone(state) as Mutable;
  for (const step of later.flatMap(({ upcast: steps = [] }) => steps)) apply(step, copy);
  return copy;
}

function unsupported({ aggregate, versions, current }: AggregateContract, number: number): DistributaryError {
  const [code, known] =
    number > current.number
      ? (['schema-newer', `newest known is ${current.number}`] as const)
      : (['schema-unsupported', `oldest known is ${versions[0]!.number}`] as const);
  return new DistributaryError(code, `${aggregate} has schema version ${number}, ${known}`);
}

type Mutable = { [key: string]: Json };

function apply(step: UpcastStep, state: Mutable): void {
  if ('move' in step) {
    const value = read(state, step.move.from);
    remove(state, step.move.from);
    if (value !== undefined) write(state, step.move.to, value);
  } else if ('default' in step) {
    if (read(state, step.default.at) === undefined) write(state, step.default.at, structuredClone(step.default.value));
  } else if ('drop' in step) {
    remove(state, step.drop.at);
  } else {
    const { at, values } = step.translate;
    const value = read(state, at);
    if (typeof value === 'string' && Object.hasOwn(values, value)) write(state, at, values[value]!);
  }
}

/** The object that holds the path's last name; `make` fills in what is missing on the way. */
function holder(state: Mutable, path: string, make: boolean): { at: Mutable | undefined; name: string } {
  const names = path.split('.');
  let at: Mutable | undefined = state;
  for (const name of names.slice(0, -1)) {
    const next: Json | undefined = at?.[name];
    if (isObject(next)) at = next;
    else if (make && at) at = at[name] = {};
    else at = undefined;
  }
  return { at, name: names.at(-1)! };
}

const isObject = (value: Json | undefined): value is Mutable =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function read(state: Mutable, path: string): Json | undefined {
  const { at, name } = holder(state, path, false);
  return at?.[name];
}
function write(state: Mutable, path: string, value: Json): void {
  const { at, name } = holder(state, path, true);
  if (at) at[name] = value;
}
function remove(state: Mutable, path: string): void {
  const { at, name } = holder(state, path, false);
  if (at) delete at[name];
}

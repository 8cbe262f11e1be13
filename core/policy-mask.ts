import type { Group, Property } from './aggregate-contract.ts';
import type { Json, JsonObject } from './change.ts';
import type { PersonRole } from './policy.ts';
import type { Field } from './store-contract.ts';

/** Who sees what names or may harm a person, where a contract says nothing else: those who handle cases. */
const SEE_PERSONAL: readonly PersonRole[] = ['investigator', 'supervisor'];

type Classed = Pick<Field, 'pii' | 'visible_to'>;

/** Whether the role sees a field: as the contract says, else by what it says of persons. */
export function showsField({ pii, visible_to }: Classed, role: PersonRole): boolean {
  if (visible_to) return visible_to.includes(role);
  return pii === 'none' || SEE_PERSONAL.includes(role);
}

/** Names of the fields of a store that the role sees; no query of it names another. */
export const visibleFields = (fields: Readonly<Record<string, Classed>>, role: PersonRole): readonly string[] =>
  Object.keys(fields).filter(name => showsField(fields[name]!, role));

/** What somebody sees of a document or a state, and what is kept back: names or paths, without values. */
export interface Masked {
  readonly visible: JsonObject;
  readonly masked: readonly string[];
}

/** A document without the fields that the role does not see. A field that no contract names is not shown either. */
export function maskDocument(
  fields: Readonly<Record<string, Classed>>,
  document: JsonObject,
  role: PersonRole,
): Masked {
  const shown = new Set(visibleFields(fields, role));
  return {
    visible: Object.fromEntries(Object.entries(document).filter(([name]) => shown.has(name))),
    masked: Object.keys(fields).filter(name => !shown.has(name)),
  };
}

/** A state without what the role does not see, down to the last property; what no contract names is not shown. */
export function maskState({ properties }: Group, state: JsonObject, role: PersonRole): Masked {
  const masked: string[] = [];
  const visible = maskGroup(properties, state, role, [], masked);
  return { visible, masked: [...new Set(masked)] };
}

function maskGroup(
  properties: Group['properties'],
  state: JsonObject,
  role: PersonRole,
  path: readonly string[],
  masked: string[],
): JsonObject {
  const visible: Record<string, Json> = {};
  for (const [name, property] of Object.entries(properties)) {
    const here = [...path, name];
    const value = state[name];
    if (property.pii !== undefined && !showsField({ pii: property.pii }, role)) masked.push(here.join('.'));
    else if (value !== undefined) visible[name] = maskValue(property, value, role, here, masked);
  }
  return visible;
}

function maskValue(property: Property, value: Json, role: PersonRole, path: readonly string[], masked: string[]): Json {
  const group = property.properties ? { properties: property.properties } : itemsOf(property);
  if (!group || value === null || typeof value !== 'object') return value;
  const mask = (part: Json): Json => maskGroup(group.properties, part as JsonObject, role, path, masked);
  return Array.isArray(value) ? value.map(mask) : mask(value);
}

/** The properties of an array's items, where they are objects. */
const itemsOf = ({ items }: Property): Group | undefined => (items && !('type' in items) ? items : undefined);

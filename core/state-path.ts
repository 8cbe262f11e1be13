import type { AggregateContract, Property } from './aggregate-contract.ts';

/** What a dotted path into a state leads to. `list`: through an array, so that it is many values. */
export interface StateValue {
  readonly property: Property;
  readonly list: boolean;
}

/** Follows `parties.name` through objects and lists, as the field list of a store does; nothing where it leads nowhere. */
export function stateValue({ current }: AggregateContract, path: string): StateValue | undefined {
  const [first = '', ...steps] = path.split('.');
  let property = ownProperty(current.properties, first);
  let list = false;
  for (const step of steps) {
    if (property?.items) list = true;
    property = ownProperty(property?.properties ?? propertiesOfItems(property), step);
  }
  return property && { property, list: list || property.items !== undefined };
}

/** A part of a state that holds a value: not an object, not a list of objects. */
export interface StateLeaf extends StateValue {
  readonly path: string;
  /** Of the list of rows that it is in: their FROM. */
  readonly rows: string | undefined;
}

/** Every value of the current state, in the contract's order. */
export function stateLeaves({ current }: AggregateContract): readonly StateLeaf[] {
  return leavesOf(current.properties, '', false, undefined);
}

function leavesOf(
  properties: Readonly<Record<string, Property>>,
  prefix: string,
  list: boolean,
  rows: string | undefined,
): readonly StateLeaf[] {
  return Object.entries(properties).flatMap(([name, property]) => {
    const path = `${prefix}${name}`;
    const inner = propertiesOfItems(property);
    if (inner) return leavesOf(inner, `${path}.`, true, property.rows);
    if (property.properties) return leavesOf(property.properties, `${path}.`, list, rows);
    return [{ path, property, list: list || property.items !== undefined, rows }];
  });
}

/** Of everything below a property the strictest class: a field that carries an object carries the worst in it. */
export function strictestPii(property: Property): 'none' | 'personal' | 'sensitive' {
  const inner = { ...property.properties, ...propertiesOfItems(property) };
  const all = [property.pii ?? 'none', ...Object.values(inner).map(strictestPii)];
  return all.includes('sensitive') ? 'sensitive' : all.includes('personal') ? 'personal' : 'none';
}

const propertiesOfItems = (property: Property | undefined): Readonly<Record<string, Property>> | undefined =>
  property?.items && 'properties' in property.items ? property.items.properties : undefined;

const ownProperty = (properties: Readonly<Record<string, Property>> | undefined, name: string): Property | undefined =>
  properties && Object.hasOwn(properties, name) ? properties[name] : undefined;

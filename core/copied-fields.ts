import type { AggregateContract, Property } from './aggregate-contract.ts';
import { nearest } from './hint.ts';
import { stateLeaves, stateValue } from './state-path.ts';
import type { Field, FieldType, ProjectedContract } from './store-contract.ts';
import { type Defect, defectAt } from './yaml.ts';

type Kind = 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'date' | 'date-time';
const TEXT: readonly Kind[] = ['string', 'date', 'date-time'];
/** What a store takes for a field of the type; anything else it would refuse, document by document. */
const TAKES: Readonly<Record<FieldType, readonly Kind[]>> = {
  keyword: TEXT,
  text: TEXT,
  integer: ['integer'],
  number: ['integer', 'number'],
  boolean: ['boolean'],
  date: ['date', 'date-time'],
  timestamp: ['date', 'date-time'],
  object: ['object'],
};

/** What is wrong with a store whose documents the field list alone makes: no projector could mend it. */
export function* copiedFieldDefects(
  store: ProjectedContract,
  aggregates: readonly AggregateContract[],
): Iterable<Defect> {
  const sources = aggregates.filter(({ aggregate }) => store.aggregates.includes(aggregate));
  for (const [name, field] of Object.entries(store.fields)) {
    const path = field.from ?? name;
    const values = sources.flatMap(source => stateValue(source, path) ?? []);
    if (values.length === 0) yield nobodyMakes(store, name, path, sources);
    for (const { property, list } of values) yield* mismatch(name, field, path, property, list);
  }
}

function nobodyMakes(
  { store_name }: ProjectedContract,
  name: string,
  path: string,
  sources: readonly AggregateContract[],
): Defect {
  const near = nearest(
    path,
    sources.flatMap(source => stateLeaves(source).map(leaf => leaf.path)),
  );
  const hint = `${near ? `did you mean "from: ${near}"? ` : ''}or add functions/projectors/${store_name}.ts`;
  const names = sources.map(({ aggregate }) => aggregate).join(', ');
  return {
    path: ['fields', name],
    message: `no state of ${names} has ${path}, and no projector makes it`,
    hint,
    at: 'key',
  };
}

function* mismatch(name: string, field: Field, path: string, property: Property, list: boolean): Iterable<Defect> {
  if (list && !field.list) {
    yield defectAt(['fields', name], `${path} is a list, and field ${name} is not`, 'add "list: true"');
    return;
  }
  const kinds = kindsOf(property);
  const strange = kinds.find(kind => !TAKES[field.type].includes(kind));
  if (strange === undefined) return;
  const fitting = Object.entries(TAKES).filter(([, takes]) => kinds.every(kind => takes.includes(kind)));
  const hint = `types that take it: ${fitting.map(([type]) => type).join(', ') || 'none; make it in a projector'}`;
  yield defectAt(['fields', name, 'type'], `field ${name} is ${field.type}, and ${path} is ${strange}`, hint);
}

function kindsOf(property: Property): readonly Kind[] {
  const { type, format, items, properties } = property;
  if (items) return 'type' in items ? kindsOf(items) : ['object'];
  if (properties) return ['object'];
  const types = [type].flat().filter(one => one !== 'null') as Kind[];
  return types.map(one => (one === 'string' && (format === 'date' || format === 'date-time') ? format : one));
}

import type { Answer } from './answer.ts';
import type { Doc, Scalar } from './document.ts';
import type { Index } from './document-index.ts';
import type { JsonObject } from './json.ts';
import type { Field } from './mapping.ts';
import { invalid, notSpoken, only, SearchRefusal } from './refusal.ts';
import { FIELDDATA_REFUSED, type Hit } from './sort.ts';

/** An aggregation made ready: what it says of a set of hits. */
export type Aggregation = (hits: readonly Hit[]) => { readonly [key: string]: Answer };

/** Aggregations under the names they were given. */
export type Aggregations = ReadonlyMap<string, Aggregation>;

export interface Context {
  readonly indices: readonly Index[];
  readonly name: string;
  /** Aggregations within each bucket. */
  readonly inner: Aggregations;
}

/** Makes one kind of aggregation from its options. */
export type Kind = (options: JsonObject, context: Context) => Aggregation;

export function aggregate(aggregations: Aggregations, hits: readonly Hit[]): { readonly [name: string]: Answer } {
  return Object.fromEntries([...aggregations].map(([name, aggregation]) => [name, aggregation(hits)]));
}

/** A field as aggregations read it; one that no index has holds nothing. */
export interface Source {
  readonly type: Field['type'] | '_id' | undefined;
  readonly values: (doc: Doc) => readonly Scalar[];
}

/** Reads the `field` and the `missing` of an aggregation, and refuses options that are not named. */
export function sourceOf(kind: string, options: JsonObject, allowed: readonly string[], { indices }: Context): Source {
  if (options.script !== undefined) throw notSpoken(`[script] in [${kind}]`);
  only(['field', 'missing', ...allowed], options, `aggregation [${kind}]`);
  if (options.field === undefined) throw invalid('Required one of fields [field, script], but none were specified. ');
  const path = String(options.field);
  if (path === '_id') return { type: '_id', values: doc => [doc.id] };
  const field = indices.map(index => index.mapping.field(path)).find(found => found !== undefined);
  if (field?.type === 'text') throw new SearchRefusal(400, 'illegal_argument_exception', FIELDDATA_REFUSED(path));
  const { missing } = options;
  const none: readonly Scalar[] =
    missing === undefined ? [] : [field && isText(field) ? String(missing) : Number(missing)];
  return { type: field?.type, values: doc => doc.values[path] ?? none };
}

const isText = ({ type }: Field) => type === 'keyword';

/** Refuses a field whose values are no numbers. */
export function numericSource(kind: string, options: JsonObject, allowed: readonly string[], context: Context): Source {
  const source = sourceOf(kind, options, allowed, context);
  if (source.type !== 'keyword' && source.type !== '_id') return source;
  const reason = `Field [${options.field}] of type [${source.type}] is not supported for aggregation [${kind}]`;
  throw new SearchRefusal(400, 'illegal_argument_exception', reason);
}

/** A bucket's own figures: how many documents, and what the inner aggregations say of them. */
export function bucket(hits: readonly Hit[], { inner }: Context): { readonly [key: string]: Answer } {
  return { doc_count: hits.length, ...aggregate(inner, hits) };
}

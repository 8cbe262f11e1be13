import { type Kind, numericSource, type Source, sourceOf } from './aggregations.ts';
import type { Answer } from './answer.ts';
import type { Hit } from './sort.ts';
import { formatDate } from './times.ts';

const all = (source: Source, hits: readonly Hit[]) => hits.flatMap(({ doc }) => source.values(doc)) as number[];

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function least(values: readonly number[]): number | null {
  let found: number | null = null;
  for (const value of values) if (found === null || value < found) found = value;
  return found;
}

function greatest(values: readonly number[]): number | null {
  const found = least(values.map(value => -value));
  return found === null ? null : -found;
}

/** A date's figures are written as a date as well. */
function dated(
  source: Source,
  figures: { readonly [name: string]: number | null },
): { readonly [key: string]: Answer } {
  if (source.type !== 'date') return figures;
  const texts = Object.entries(figures)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [`${name}_as_string`, formatDate(Math.trunc(value as number), undefined)]);
  return { ...figures, ...Object.fromEntries(texts) };
}

/** One figure over the numbers of a field. */
function figure(kind: string, compute: (values: readonly number[]) => number | null): Kind {
  return (options, context) => {
    const source = numericSource(kind, options, [], context);
    return hits => dated(source, { value: compute(all(source, hits)) });
  };
}

const valueCount: Kind = (options, context) => {
  const source = sourceOf('value_count', options, [], context);
  return hits => ({ value: all(source, hits).length });
};

/** Exact; OpenSearch's is exact below 3,000 as well. */
const cardinality: Kind = (options, context) => {
  const source = sourceOf('cardinality', options, ['precision_threshold'], context);
  return hits => ({ value: new Set(all(source, hits)).size });
};

const stats: Kind = (options, context) => {
  const source = numericSource('stats', options, [], context);
  return hits => {
    const values = all(source, hits);
    const figures = { min: least(values), max: greatest(values), avg: average(values) };
    if (values.length === 0) return { count: 0, ...figures, sum: 0 };
    return { count: values.length, ...dated(source, { ...figures, sum: sum(values) }) };
  };
};

const average = (values: readonly number[]) => (values.length === 0 ? null : sum(values) / values.length);

export const metricKinds: { readonly [kind: string]: Kind } = {
  sum: figure('sum', sum),
  min: figure('min', least),
  max: figure('max', greatest),
  avg: figure('avg', average),
  value_count: valueCount,
  cardinality,
  stats,
};

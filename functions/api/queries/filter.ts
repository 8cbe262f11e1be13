import * as z from 'zod';
import type { Clause } from '../../../core/policy-filter.ts';
import type { Field } from '../../../core/store-contract.ts';
import { Problem } from '../problem.ts';

/** More is a program, not a question. */
const MAX_DEPTH = 5;
const MAX_CONDITIONS = 40;
const MAX_VALUES = 100;
const MAX_TEXT_CHARACTERS = 500;

const name = z.string().max(64);
const value = z.union([z.string().max(MAX_TEXT_CHARACTERS), z.number(), z.boolean()]);

export type Filter =
  | { readonly field: string; readonly is: z.infer<typeof value> }
  | { readonly field: string; readonly in: readonly z.infer<typeof value>[] }
  | { readonly field: string; readonly from?: string | number | undefined; readonly to?: string | number | undefined }
  | { readonly field: string; readonly exists: boolean }
  | { readonly all: readonly Filter[] }
  | { readonly any: readonly Filter[] }
  | { readonly not: Filter };

const bound = z.union([z.string().max(64), z.number()]).optional();
const leaf = z.union([
  z.strictObject({ field: name, is: value }),
  z.strictObject({ field: name, in: z.array(value).min(1).max(MAX_VALUES) }),
  z.strictObject({ field: name, exists: z.boolean() }),
  z.strictObject({ field: name, from: bound, to: bound }),
]);
const schemaOf = (depth: number): z.ZodType<Filter> => {
  if (depth === 0) return leaf as z.ZodType<Filter>;
  const inner = z.array(schemaOf(depth - 1)).max(MAX_CONDITIONS);
  const parts = [
    z.strictObject({ all: inner }),
    z.strictObject({ any: inner }),
    z.strictObject({ not: schemaOf(depth - 1) }),
  ];
  return z.union([leaf, ...parts]) as z.ZodType<Filter>;
};

/** Filters of filters, so deep and no deeper. */
export const filterSchema = schemaOf(MAX_DEPTH);

/** Fields that a role may ask by: to filter by a field tells of its values, so a masked one is as unknown as no field. */
export type Asked = Readonly<Record<string, Field>>;

/** A field that may be asked by, and can be for this use. Throws for others, without saying which of the two it is. */
export function askable(fields: Asked, field: string, can: (field: Field) => boolean, pointer: string): Field {
  const found = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (found && can(found)) return found;
  const detail = `there is no field of this name that you may use here`;
  throw new Problem('request-invalid', 'the query names a field that cannot be used', {
    errors: [{ pointer, detail }],
  });
}

const isExact = ({ type }: Field): boolean => type !== 'text' && type !== 'object';
const isOrdered = ({ type }: Field): boolean => isExact({ type } as Field) && type !== 'boolean';
const isAny = ({ type }: Field): boolean => type !== 'object';

/** The filter as a clause. Values stay values: nothing of them is read as a query. */
export function clauseOfFilter(filter: Filter, fields: Asked): Clause {
  let conditions = 0;
  const translate = (part: Filter): Clause => {
    conditions += 1;
    if (conditions > MAX_CONDITIONS)
      throw new Problem('request-invalid', `a filter has ${MAX_CONDITIONS} parts at most`);
    if ('all' in part) return { bool: { filter: part.all.map(translate) } };
    if ('any' in part) {
      if (part.any.length === 0) return { match_none: {} };
      return { bool: { should: part.any.map(translate), minimum_should_match: 1 } };
    }
    if ('not' in part) return { bool: { must_not: [translate(part.not)] } };
    return clauseOfLeaf(part, fields);
  };
  return translate(filter);
}

function clauseOfLeaf(part: Extract<Filter, { field: string }>, fields: Asked): Clause {
  const { field } = part;
  if ('exists' in part) {
    askable(fields, field, isAny, '/filter');
    const exists = { exists: { field } };
    return part.exists ? exists : { bool: { must_not: [exists] } };
  }
  if ('is' in part) return { term: { [field]: typed(askable(fields, field, isExact, '/filter'), part.is) } };
  if ('in' in part) {
    const known = askable(fields, field, isExact, '/filter');
    return { terms: { [field]: part.in.map(one => typed(known, one)) } };
  }
  const known = askable(fields, field, isOrdered, '/filter');
  const { from, to } = part;
  return {
    range: {
      [field]: {
        ...(from !== undefined && { gte: typed(known, from) }),
        ...(to !== undefined && { lt: typed(known, to) }),
      },
    },
  };
}

const DATE = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

/** A value of another type than the field's would be an error of the engine's; a date with arithmetic is none of ours. */
function typed({ type }: Field, given: z.infer<typeof value>): z.infer<typeof value> {
  const fits =
    type === 'boolean'
      ? typeof given === 'boolean'
      : type === 'integer' || type === 'number'
        ? typeof given === 'number' && (type === 'number' || Number.isSafeInteger(given))
        : type === 'date' || type === 'timestamp'
          ? typeof given === 'string' && DATE.test(given) && !Number.isNaN(Date.parse(given))
          : typeof given === 'string';
  if (fits) return given;
  const detail = `a value of this field is ${type === 'date' || type === 'timestamp' ? 'a date' : `of type ${type}`}`;
  throw new Problem('request-invalid', 'a value does not fit its field', { errors: [{ pointer: '/filter', detail }] });
}

export const canFacet = ({ type }: Field): boolean => type === 'keyword' || type === 'boolean';
export const canSort = (field: Field): boolean => isExact(field) && !field.list;
export const isText = ({ type }: Field): boolean => type === 'text';

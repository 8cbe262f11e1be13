import { type Document, isMap, isNode, isScalar, LineCounter, type Pair, parseDocument } from 'yaml';
import type { z } from 'zod';
import { DistributaryError, type ErrorCode, type Place } from './errors.ts';
import { hintOf, quote } from './hint.ts';

/** Where in a document: keys and indexes from its root. */
export type Path = readonly PropertyKey[];

/** What a schema cannot see: a reference into nowhere, two keys that contradict each other. */
export interface Defect {
  readonly path: Path;
  readonly message: string;
  /** What to do. @default the hint of `contract-invalid` */
  readonly hint?: string | undefined;
  /** Report it at the key rather than at its value. @default 'value' */
  readonly at?: 'key' | 'value' | undefined;
}
export const defectAt = (path: Path, message: string, hint?: string): Defect => ({ path, message, hint });

/** Everything that is wrong with one file, in the order of its lines. Code, place and hint are the first defect's. */
export class FileDefects extends DistributaryError {
  readonly defects: readonly DistributaryError[];

  constructor(defects: readonly [DistributaryError, ...DistributaryError[]]) {
    const [first, ...others] = defects;
    const more = others.length === 0 ? '' : `, and ${others.length} more`;
    super(first.code, `${first.message}${more}`, { hint: first.hint, ...(first.place && { place: first.place }) });
    this.defects = defects;
  }

  override describe(): string {
    return this.defects.map(defect => defect.describe()).join('\n');
  }
}

/**
 * Parses a YAML file and checks it against a schema, then by `rules` for what the schema cannot say.
 * Throws `FileDefects` with every defect, each at its line and column. `file` is only quoted, never read.
 */
export function parseYaml<T>(
  schema: z.ZodType<T>,
  text: string,
  file: string,
  rules: (value: T) => Iterable<Defect> = () => [],
): T {
  const source = openYaml(text, file);
  const { defects, value } = findDefects(schema, source.value, rules);
  throwIfAny(locate(defects, source, 'contract-invalid'));
  return value;
}

/** What is wrong with a value, by its schema and then by `rules`, each at its path. `value` is worth something only without defects. */
export function findDefects<T>(
  schema: z.ZodType<T>,
  value: unknown,
  rules: (value: T) => Iterable<Defect> = () => [],
): { readonly defects: readonly Defect[]; readonly value: T } {
  const knownKeys: KnownKeys = new Map();
  const result = schema.safeParse(value, {
    reportInput: true,
    error: issue => {
      if (issue.code === 'unrecognized_keys') {
        // Each branch of a union knows its own keys.
        knownKeys.set(issue.input, [...new Set([...(knownKeys.get(issue.input) ?? []), ...keysOf(issue.inst)])]);
      }
      return undefined;
    },
  });
  const defects = result.success
    ? [...rules(result.data)]
    : result.error.issues.flatMap(issue => defectsOf(issue, [], knownKeys));
  return { defects, value: result.data as T };
}

/** Defects of a file that parses, found by looking at others beside it: each with its line and column. */
export const locateDefects = (
  defects: readonly Defect[],
  text: string,
  file: string,
  code: ErrorCode = 'contract-invalid',
): readonly DistributaryError[] => locate(defects, openYaml(text, file), code);

function locate(
  defects: readonly Defect[],
  source: ReturnType<typeof openYaml>,
  code: ErrorCode,
): readonly DistributaryError[] {
  return defects.map(({ path, message, hint, at = 'value' }) => {
    const place = source.place(path, at);
    return new DistributaryError(code, message, hint === undefined ? { place } : { place, hint });
  });
}

function throwIfAny(defects: readonly DistributaryError[]): void {
  const order = (place: Place | undefined) => (place?.line ?? 0) * 1e5 + (place?.column ?? 0);
  const [first, ...others] = [...defects].sort((a, b) => order(a.place) - order(b.place));
  if (first) throw new FileDefects([first, ...others]);
}

/** The plain value of a YAML text, and a way back from a path in it to the line. */
function openYaml(text: string, file: string): { value: unknown; place(path: Path, at: 'key' | 'value'): Place } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  throwIfAny(
    [...document.errors, ...document.warnings].map(
      ({ message, pos }) =>
        new DistributaryError('contract-unreadable', lowerFirst(message), { place: placeOf(pos[0]) }),
    ),
  );
  return {
    value: plainValue(document, file),
    place(path, at) {
      // The deepest part of the path that the text has: a missing key is reported at the map that lacks it.
      for (let length = path.length; length > 0; length -= 1) {
        const parent = document.getIn(path.slice(0, length - 1), true);
        const key = path[length - 1];
        const pair = isMap(parent) ? parent.items.find(item => keyText(item) === String(key)) : undefined;
        const node = document.getIn(path.slice(0, length), true);
        const chosen = pair && (at === 'key' || !isNode(node) || length < path.length) ? pair.key : node;
        if (isNode(chosen) && chosen.range) return placeOf(chosen.range[0]);
      }
      return { file, line: 1, column: 1 };
    },
  };
}

/** Aliases are resolved only here: one that leads nowhere, or very many, is found now. */
function plainValue(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    const message = lowerFirst(cause instanceof Error ? cause.message : String(cause));
    throw new FileDefects([new DistributaryError('contract-unreadable', message, { place: { file }, cause })]);
  }
}

const keyText = ({ key }: Pair): string => String(isScalar(key) ? key.value : key);

type Issue = z.core.$ZodIssue;
/** The object that had unknown keys → the keys it may have; zod's issue itself does not tell. */
type KnownKeys = Map<unknown, readonly string[]>;

/** Says one of zod's issues in the words of this project: where, which value, what would be right. */
function defectsOf(issue: Issue, under: Path, knownKeys: KnownKeys): Defect[] {
  const path = [...under, ...issue.path];
  const name = path.length === 0 ? 'the file' : path.map(String).join('.');
  const value = quote(issue.input);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map(key => {
        const hint = hintOf(key, knownKeys.get(issue.input) ?? [], 'keys');
        return { path: [...path, key], message: `unknown key ${quote(key)}`, hint, at: 'key' };
      });
    case 'invalid_value':
      return issue.input === undefined
        ? [defectAt(path, `${name} is missing`, `add it; ${allowed(issue.values)}`)]
        : [unknown(path, issue.input, issue.values)];
    case 'invalid_type':
      return issue.input === undefined
        ? [defectAt(path, `${name} is missing`, `add it: ${issue.expected}`)]
        : [defectAt(path, `${name} is ${value}`, `it must be of type ${issue.expected}`)];
    case 'invalid_key':
      return issue.issues.map(({ message }) => ({ path, message: `key ${value} ${lowerFirst(message)}`, at: 'key' }));
    case 'invalid_union': {
      if ('options' in issue && issue.options && issue.discriminator) {
        return [unknown(path, readIn(issue.input, issue.discriminator), issue.options)];
      }
      return closest(issue.errors).flatMap(inner => defectsOf(inner, path, knownKeys));
    }
    default:
      return [defectAt(path, `${name} is ${value}: ${lowerFirst(issue.message)}`)];
  }
}

const unknown = (path: Path, value: unknown, values: readonly unknown[]): Defect =>
  defectAt(path, `unknown ${String(path.at(-1))} ${quote(value)}`, hintOf(String(value), values.map(String)));

/** Of a union's branches the one that came closest: it complains the deepest, then the least. */
const closest = (branches: readonly (readonly Issue[])[]): readonly Issue[] =>
  [...branches].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0] ?? [];
const depth = (issues: readonly Issue[]): number => Math.max(0, ...issues.map(issue => issue.path.length));
const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
const allowed = (values: readonly unknown[]): string => `allowed: ${values.map(String).join(', ')}`;
const readIn = (value: unknown, key: string): unknown => (value as Record<string, unknown> | null | undefined)?.[key];

const keysOf = (schema: unknown): string[] => {
  const shape = (schema as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def?.shape;
  return Object.keys(shape ?? {});
};

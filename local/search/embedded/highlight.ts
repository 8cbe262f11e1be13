import { analyze, type Token } from './analysis.ts';
import type { Answer } from './answer.ts';
import type { Index } from './document-index.ts';
import { type Fragment, fragmentScore, fragments, type Match } from './fragments.ts';
import { isObject, type Json, type JsonObject, list } from './json.ts';
import type { Field } from './mapping.ts';
import type { Mark } from './query.ts';
import { notSpoken, only } from './refusal.ts';

interface Style {
  readonly before: string;
  readonly after: string;
  readonly size: number;
  readonly count: number;
  readonly byScore: boolean;
  readonly html: boolean;
  /** Whether only what was asked of this very field is marked. */
  readonly ownMarks: boolean;
}

export interface Highlight {
  readonly fields: readonly { readonly pattern: string; readonly style: Style }[];
}

const OPTIONS = [
  'pre_tags',
  'post_tags',
  'fragment_size',
  'number_of_fragments',
  'order',
  'encoder',
  'require_field_match',
  'type',
];

export function parseHighlight(json: JsonObject): Highlight {
  const { fields, ...common } = json;
  const entries = (Array.isArray(fields) ? fields : [fields]).flatMap(each =>
    Object.entries(isObject(each) ? each : {}),
  );
  return {
    fields: entries.map(([pattern, own]) => ({
      pattern,
      style: parseStyle({ ...common, ...(isObject(own) ? own : {}) }),
    })),
  };
}

function parseStyle(json: JsonObject): Style {
  only(OPTIONS, json, '[highlight]');
  if (json.type !== undefined && json.type !== 'unified') throw notSpoken(`highlighter [${json.type}]`);
  return {
    before: String(list(json.pre_tags)[0] ?? '<em>'),
    after: String(list(json.post_tags)[0] ?? '</em>'),
    size: Number(json.fragment_size ?? 100),
    count: Number(json.number_of_fragments ?? 5),
    byScore: json.order === 'score',
    html: json.encoder === 'html',
    ownMarks: json.require_field_match !== false,
  };
}

/** Fragments of a hit by field; fields without a match are left out. */
export function highlightHit(highlight: Highlight, index: Index, source: string, marks: readonly Mark[]): Answer {
  const json = JSON.parse(source);
  const shown: [string, readonly string[]][] = [];
  for (const { pattern, style } of highlight.fields) {
    for (const field of index.mapping.matching(pattern)) {
      if (field.type !== 'text' && field.type !== 'keyword') continue;
      const wanted = marks.filter(mark => !style.ownMarks || mark.field === field.path);
      if (wanted.length === 0) continue;
      const texts = textsAt(json, field.path.split('.')).filter(text => text.length <= field.ignoreAbove);
      const found = highlightField(texts, field, wanted, style);
      if (found.length > 0) shown.push([field.path, found]);
    }
  }
  return shown.length > 0 ? Object.fromEntries(shown) : undefined;
}

/** The texts under a path; the last name may be a multi-field's, which reads its parent's. */
function textsAt(json: Json, path: readonly string[]): string[] {
  if (Array.isArray(json)) return json.flatMap(item => textsAt(item, path));
  if (!isObject(json)) return json === null || path.length > 1 ? [] : [String(json)];
  for (let taken = path.length; taken > 0; taken--) {
    const member = json[path.slice(0, taken).join('.')];
    if (member !== undefined) return textsAt(member, path.slice(taken));
  }
  return [];
}

function highlightField(texts: readonly string[], field: Field, marks: readonly Mark[], style: Style): string[] {
  const occurrences = new Map<string, number>();
  const found: { text: string; fragment: Fragment; offset: number }[] = [];
  let offset = 0;
  for (const text of texts) {
    const matches = findMatches(text, field, marks);
    for (const { word } of matches) occurrences.set(word, (occurrences.get(word) ?? 0) + 1);
    const whole = style.count === 0 || field.type === 'keyword';
    const parts = whole ? [{ start: 0, end: text.length, matches }] : fragments(text, matches, style.size);
    if (matches.length > 0) found.push(...parts.map(fragment => ({ text, fragment, offset })));
    offset += text.length + 1;
  }
  const score = ({ fragment, offset: at }: (typeof found)[number]) =>
    fragmentScore({ ...fragment, start: fragment.start + at, end: fragment.end + at }, offset, occurrences);
  const ranked = style.count === 0 ? found : [...found].sort((a, b) => score(b) - score(a)).slice(0, style.count);
  const ordered = style.byScore ? ranked : found.filter(each => ranked.includes(each));
  return ordered.map(({ text, fragment }) => render(text, fragment, style));
}

function findMatches(text: string, field: Field, marks: readonly Mark[]): Match[] {
  const tokens: Token[] = field.type === 'text' ? analyze(text) : [{ text, start: 0, end: text.length }];
  const marked = new Set<Token>();
  for (const { kind, words } of marks) {
    for (const [i, token] of tokens.entries()) {
      if (kind === 'word' && words.includes(token.text)) marked.add(token);
      if (kind === 'prefix' && words.some(word => token.text.startsWith(word))) marked.add(token);
      if (kind === 'phrase' && words.every((word, n) => tokens[i + n]?.text === word)) {
        for (const each of tokens.slice(i, i + words.length)) marked.add(each);
      }
    }
  }
  return tokens.filter(token => marked.has(token)).map(({ start, end, text: word }) => ({ start, end, word }));
}

function render(text: string, { start, end, matches }: Fragment, style: Style): string {
  const encode = (part: string) => (style.html ? escapeHtml(part) : part);
  let out = '';
  let at = start;
  for (const match of matches) {
    const marked = encode(text.slice(match.start, match.end));
    out += `${encode(text.slice(at, match.start))}${style.before}${marked}${style.after}`;
    at = match.end;
  }
  return `${out}${encode(text.slice(at, Math.max(at, end)))}`.trim();
}

const ENTITIES: { readonly [c: string]: string } = {
  '"': '&quot;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&#x27;',
  '/': '&#x2F;',
};

function escapeHtml(text: string): string {
  return text.replace(/["&<>'/]/g, c => ENTITIES[c] as string);
}

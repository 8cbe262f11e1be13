import { type Answer, RawJson } from './answer.ts';
import { notSpoken } from './refusal.ts';

type Members = { readonly [key: string]: Answer };

/** Keeps what `filter_path` names: dotted paths where `*` is any part of a name and `**` any depth. */
export function filterPath(body: Answer, filter: string): Answer {
  const patterns = filter.split(',').map(pattern => pattern.trim().split('.'));
  if (patterns.some(([first]) => first?.startsWith('-'))) throw notSpoken('exclusions in filter_path');
  return keep(body, patterns) ?? {};
}

function keep(value: Answer, patterns: readonly (readonly string[])[]): Answer {
  if (patterns.some(pattern => pattern.length === 0)) return value;
  if (value instanceof RawJson) return keep(JSON.parse(value.text), patterns);
  if (Array.isArray(value)) {
    const kept = value.map(item => keep(item, patterns)).filter(item => item !== undefined);
    return kept.length > 0 ? kept : undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const kept: [string, Answer][] = [];
  for (const [name, member] of Object.entries(value as Members)) {
    const inside = keep(
      member,
      patterns.flatMap(pattern => step(pattern, name)),
    );
    if (inside !== undefined) kept.push([name, inside]);
  }
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

/** What is left of a pattern below a member of this name. */
function step(pattern: readonly string[], name: string): (readonly string[])[] {
  const [head = '', ...rest] = pattern;
  if (head === '**') return [pattern, ...step(rest, name)];
  const matches = new RegExp(`^${head.split('*').map(RegExp.escape).join('.*')}$`).test(name);
  return matches ? [rest] : [];
}

import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');

/** Files of ours that a file makes use of when it runs, and theirs; types are gone by then. */
function reached(entry: string): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    const text = readFileSync(resolve(ROOT, file), 'utf8');
    for (const [, clause = '', from = ''] of text.matchAll(/^(?:import|export)\s+([^;]*?)\s*from\s*'(\.[^']+)'/gms)) {
      if (/^type\s/.test(clause)) continue;
      if (/^\{[^}]*\}$/s.test(clause) && !clause.slice(1, -1).split(',').some(isValue)) continue;
      visit(relative(ROOT, resolve(ROOT, dirname(file), from)));
    }
    for (const [, from = ''] of text.matchAll(/import\('(\.[^']+)'\)/g))
      visit(relative(ROOT, resolve(ROOT, dirname(file), from)));
  };
  visit(entry);
  return found;
}
const isValue = (name: string): boolean => name.trim() !== '' && !/^type\s/.test(name.trim());

/** What reads a derived store. */
const DERIVED =
  /^functions\/(stores\/(?!dynamodb-client|dynamodb-attributes)|engines\/|projectors\/|control(-targets)?\.ts|api\/(queries|permission-cache|freshness|search-facts))/;

test('commands reach no code that reads a derived store', () => {
  const files = [...reached('functions/api/commands-function.ts')];
  expect(files).toContain('functions/api/canonical.ts');
  expect(files).toContain('functions/api/commands/all.ts');
  expect(files.filter(file => DERIVED.test(file))).toEqual([]);
});

test('queries do, or this test could not fail', () => {
  const files = [...reached('functions/api/queries-function.ts')].filter(file => DERIVED.test(file));
  for (const file of [
    'functions/stores/opensearch-client.ts',
    'functions/control.ts',
    'functions/api/queries/search.ts',
  ]) {
    expect(files).toContain(file);
  }
});

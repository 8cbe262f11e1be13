import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  LIFECYCLE_EVENTS,
  LIFECYCLE_PLACES,
  lifecycleMatrix,
  lifecyclePage,
  placeOf,
} from '../core/governance/lifecycle.ts';
import { LIFECYCLE_TESTS } from '../core/governance/lifecycle-tests.ts';
import { personalData } from '../core/governance/personal-data.ts';
import { readCatalogue } from '../lib/contract-files.ts';

const ROOT = join(import.meta.dirname, '..');
const catalogue = readCatalogue(ROOT);
const cells = lifecycleMatrix(catalogue);

test('the matrix has a cell for each event in each place, and each says what, by what, and how soon', () => {
  expect(cells.map(({ event, place }) => `${event} × ${place}`)).toEqual(
    LIFECYCLE_EVENTS.flatMap(event => LIFECYCLE_PLACES.map(place => `${event} × ${place}`)),
  );
  for (const { what, by, within } of cells) expect([what, by, within].every(text => text.length > 0)).toBe(true);
});

test('every store of the catalogue that holds content is in it, and every kind of place but the pipeline’s has a store', () => {
  const named = new Set(cells.flatMap(({ stores }) => stores));
  const holding = catalogue.stores.filter(store => store.security.contains_pii || placeOf(store) !== undefined);
  expect([...named].sort()).toEqual(holding.map(({ store_name }) => store_name).sort());
  const empty = LIFECYCLE_PLACES.filter(place => cells.every(cell => cell.place !== place || cell.stores.length === 0));
  expect(empty).toEqual(['failed queue', 'parked objects']);
});

/** As a source may write it: a name with a quote in it is in double quotes. */
const isIn = (text: string, name: string): boolean => text.includes(name) || text.includes(name.replaceAll("'", "\\'"));

test.each(Object.entries(LIFECYCLE_TESTS))(
  'the test that is called %s exists, under the name that the matrix gives',
  (_, { file, name }) => {
    const path = join(ROOT, 'test', file);
    expect(existsSync(path) && isIn(readFileSync(path, 'utf8'), name)).toBe(true);
  },
);

test('no test is named that tries no cell', () => {
  const used = new Set<string>(cells.map(({ test: named }) => named));
  expect(Object.keys(LIFECYCLE_TESTS).filter(name => !used.has(name))).toEqual([]);
});

test('the page names what a contract promises, and when an aggregate is erased', () => {
  const page = lifecyclePage(catalogue);
  expect(page).toContain('case-search: 10 s, alarm at 1 min');
  expect(page).toContain(
    '| case | after `retain_until`, where `status` is draft, closed, withdrawn, unless a legal hold is active |',
  );
});

test('what names or may harm a person is followed into every field that repeats it', () => {
  const narrative = personalData(catalogue).find(({ from }) => from === 'case.narrative');
  expect(narrative).toMatchObject({ pii: 'sensitive' });
  expect(narrative!.copies.map(({ store, field }) => `${store}.${field}`)).toEqual(
    expect.arrayContaining(['case-search.narrative', 'case-archive.narrative']),
  );
  const names = personalData(catalogue).find(({ from }) => from === 'case.parties.name');
  expect(names!.copies).toContainEqual(expect.objectContaining({ store: 'case-search', field: 'party_names' }));
  expect(personalData(catalogue).some(({ from }) => from === 'case.status')).toBe(false);
});

import { copiedFieldDefects } from '../core/copied-fields.ts';
import { contractsWith, shippedContracts } from './contract-sources.ts';

/** What is said of case-facts, whose documents the field list alone makes, with this field in it. */
function saidOf(field: string): readonly string[] {
  const edit = (text: string) => text.replace('fields:\n', `fields:\n  ${field}\n`);
  const { projected, aggregates } = contractsWith({ 'stores/case-facts': edit });
  const store = projected.find(({ store_name }) => store_name === 'case-facts')!;
  return [...copiedFieldDefects(store, aggregates)].map(({ message, hint }) => `${message}; ${hint}`);
}

test("this repository's stores without a projector copy what there is, as what it is", () => {
  const { projected, aggregates } = shippedContracts();
  const store = projected.find(({ store_name }) => store_name === 'case-facts')!;
  expect([...copiedFieldDefects(store, aggregates)]).toEqual([]);
});

test.each([
  [
    'titel: { type: keyword }',
    /no state of case has titel, and no projector makes it; did you mean "from: title"\? or add functions\/projectors\/case-facts\.ts/,
  ],
  [
    'open_task_count: { type: boolean }',
    /field open_task_count is boolean, and open_task_count is integer; types that take it: integer, number/,
  ],
  [
    'due: { type: timestamp, from: title }',
    /field due is timestamp, and title is string; types that take it: keyword, text/,
  ],
  ['tags: { type: keyword }', /tags is a list, and field tags is not; add "list: true"/],
  [
    'decisions: { type: keyword, list: true }',
    /field decisions is keyword, and decisions is object; types that take it: object/,
  ],
])('%s is refused before a store refuses every document', (field, message) => {
  expect(saidOf(field)).toEqual([expect.stringMatching(message)]);
});

test.each([
  'title: { type: text }',
  'due_on: { type: timestamp }',
  'due_on: { type: keyword }',
  'open_task_count: { type: number }',
  'tags: { type: keyword, list: true }',
  'party_kinds: { type: keyword, from: parties.kind, list: true }',
  'decisions: { type: object, list: true }',
])('%s fits', field => expect(saidOf(field)).toEqual([]));

import { type Membership, may, OPERATIONS, rolesOf, type Standing, standingOf, visibility } from '../core/policy.ts';
import { clauseOf } from '../core/policy-filter.ts';
import { visibleFields } from '../core/policy-mask.ts';
import { Cursors } from '../functions/api/cursor.ts';
import { SEARCH_FACTS } from '../functions/api/search-facts.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { ROOT } from './templates.ts';

/** The policy by itself; policy-agreement.local.ts holds its enforcements to it. */

const NOW = 1_000_000;
const membership = (more: Partial<Membership>): Membership => ({
  tenant: 'acme',
  kind: 'company',
  role: 'company-user',
  validFrom: 0,
  validTo: null,
  suspended: false,
  ...more,
});
const bureau = membership({ tenant: 'bureau', kind: 'bureau', role: 'analyst' });

test.each<[string, Membership[], string | undefined, Partial<Standing> | undefined]>([
  ['nobody', [], undefined, undefined],
  ['of the one company it is of', [membership({})], undefined, { role: 'company-user', tenant: 'acme' }],
  ['of none of two, until it says for which', [membership({}), membership({ tenant: 'other' })], undefined, undefined],
  ['of the one it says', [membership({}), membership({ tenant: 'other' })], 'other', { tenant: 'other' }],
  ['nobody at a company that it is not of', [membership({})], 'other', undefined],
  ['of the bureau, whatever it acts for', [membership({}), bureau], 'acme', { role: 'analyst' }],
  ['nobody before it begins', [membership({ validFrom: NOW + 1 })], undefined, undefined],
  ['somebody when it begins', [membership({ validFrom: NOW })], undefined, { tenant: 'acme' }],
  ['nobody when it ends', [membership({ validTo: NOW })], undefined, undefined],
  ['nobody at a suspended tenant', [membership({ suspended: true })], undefined, undefined],
])('a person is %s', (_, memberships, actingFor, expected) => {
  const standing = standingOf('ann', memberships, NOW, actingFor);
  if (expected) expect(standing).toMatchObject(expected);
  else expect(standing).toBeUndefined();
});

test('nobody does what no role of theirs may, and every operation is for somebody', () => {
  for (const operation of OPERATIONS) {
    expect(rolesOf(operation).length).toBeGreaterThan(0);
    expect(may({ user: 'ann', role: 'analyst' }, operation, { tenant: 'acme', restricted: false, assigned: [] })).toBe(
      rolesOf(operation).includes('analyst'),
    );
  }
});

test('the filter of each role is what it should be, to be read', () => {
  const clause = (standing: Omit<Standing, 'user'>) => clauseOf(visibility({ user: 'ann', ...standing }), SEARCH_FACTS);
  const open = { term: { restricted: false } };
  expect(clause({ role: 'supervisor' })).toEqual({ match_all: {} });
  expect(clause({ role: 'analyst' })).toEqual(open);
  expect(clause({ role: 'investigator' })).toEqual({
    bool: { should: [open, { term: { assigned_ids: 'ann' } }], minimum_should_match: 1 },
  });
  expect(clause({ role: 'company-user', tenant: 'acme' })).toEqual({
    bool: { filter: [{ term: { 'distributary.tenant': 'acme' } }, open] },
  });
  expect(clause({ role: 'company-user' })).toEqual({ match_none: {} });
});

test('what is masked in search is what names or may harm a person', () => {
  const { fields } = readCatalogue(ROOT).projected.find(({ store_name }) => store_name === 'case-search')!;
  const masked = Object.keys(fields).filter(name => !visibleFields(fields, 'analyst').includes(name));
  expect(masked.sort()).toEqual(['evidence_titles', 'investigator_name', 'narrative', 'party_names', 'tags', 'zip']);
  expect(visibleFields(fields, 'investigator')).toEqual(Object.keys(fields));
});

test('a cursor is of one person, role and question', async () => {
  const cursors = new Cursors(async () => new Uint8Array(32));
  const ann: Standing = { user: 'ann', role: 'company-user', tenant: 'acme' };
  const question = { text: 'fee' };
  const cursor = await cursors.write(ann, question, ['a', 1, null]);
  expect(await cursors.read(ann, question, cursor)).toEqual(['a', 1, null]);
  for (const [standing, asked, given] of [
    [{ ...ann, user: 'bob' }, question, cursor],
    [{ ...ann, tenant: 'other' }, question, cursor],
    [{ user: 'ann', role: 'analyst' }, question, cursor],
    [ann, { text: 'free' }, cursor],
    [ann, question, `${cursor}.x`],
    [ann, question, cursor.replace(/^./, 'X')],
  ] as const) {
    await expect(cursors.read(standing, asked, given)).rejects.toMatchObject({ code: 'request-invalid' });
  }
});

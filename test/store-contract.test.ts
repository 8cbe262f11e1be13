import { parquetMetadata } from 'hyparquet';
import { DistributaryError } from '../core/errors.ts';
import { DOCUMENT_META, FACT_COLUMNS } from '../core/reserved-names.ts';
import { type ProjectedContract, withoutGovernance } from '../core/store-contract.ts';
import { parseStoreContract } from '../core/store-contract-rules.ts';
import { META } from '../functions/stores/opensearch-index.ts';
import { encodeFacts, factFormat } from '../functions/stores/parquet-file.ts';
import { REQUIRED_EXAMPLE } from './contract-sources.ts';

const PROJECTED = `${REQUIRED_EXAMPLE}engine: opensearch
aggregates: [case]
fields:
  title: { type: text }
`;

/** What a wrong contract is told: the whole text a person would read. */
function refusal(text: string): string {
  try {
    parseStoreContract(text, 'contracts/stores/x.yaml');
  } catch (error) {
    if (error instanceof DistributaryError) return error.describe();
    throw error;
  }
  throw new Error('the contract was accepted');
}

test('the example of the requirements loads as it stands, and durations are seconds', () => {
  const contract = parseStoreContract(REQUIRED_EXAMPLE, 'x.yaml');
  expect(contract).toMatchObject({
    store_name: 'case-search-index',
    role: 'projection',
    freshness_contract: { normal_p95: 10, maximum_before_alert: 60 },
    rebuild: { estimated_duration: 14_400 },
  });
});

test.each([
  [
    'an unknown key',
    'owner_team: case-platform',
    'owner_tem: case-platform',
    /x\.yaml:4:1: unknown key "owner_tem".*\n.*did you mean "owner_team"/,
  ],
  [
    'an unknown role',
    'role: projection',
    'role: unknown',
    /x\.yaml:2:7: unknown role "unknown".*\n.*canonical, projection, cache/,
  ],
  [
    'a projection without a rebuild',
    'supported: true',
    'supported: false',
    /x\.yaml:15:14: role projection without a rebuild/,
  ],
  [
    'a projection that may execute commands',
    'may_execute_commands: false',
    'may_execute_commands: true',
    /x\.yaml:12:25: role projection that may execute commands/,
  ],
  ['a freshness that is no duration', '60_seconds', 'soon', /x\.yaml:10:25: .*"soon".*no duration/],
  ['an alarm below the normal lag', '60_seconds', '5_seconds', /alert not above the normal p95/],
  [
    'a sensitive field in a store said to hold no PII',
    'contains_pii: true',
    'contains_pii: false',
    /field title is sensitive/,
  ],
  ['a missing section', 'owner_team: case-platform\n', '', /owner_team is missing/],
  [
    'a projected store without its lag metric',
    '    - indexing_lag_seconds\n',
    '',
    /metric indexing_lag_seconds is missing/,
  ],
])('refuses %s, with file, line, value and hint', (_, right, wrong, message) => {
  const text = PROJECTED.replace('{ type: text }', '{ type: text, pii: sensitive }');
  expect(text).toContain(right);
  expect(refusal(text.replace(right, wrong))).toMatch(message);
});

test('every defect of a file is reported, not only the first', () => {
  const message = refusal(
    REQUIRED_EXAMPLE.replace('role: projection', 'role: projektion').replace('supported: true', 'supported: maybe'),
  );
  expect(message).toMatch(/projektion/);
  expect(message).toMatch(/supported/);
});

test('an index names declared fields only', () => {
  const text = PROJECTED.replace('engine: opensearch', 'engine: dynamodb\nindexes:\n  by-title: { partition: titel }');
  expect(refusal(text)).toMatch(/unknown field titel\b.*\n.*did you mean "title"/);
});

test.each([
  [
    's3',
    'committed_at',
    /x\.yaml:\d+:3: field committed_at is a column that every fact has already.*\n.*rename the field/,
  ],
  ['s3', 'day', /field day is a column that every fact has already/],
  ['opensearch', 'distributary', /field distributary is where a document keeps/],
  ['dynamodb', 'version', /field version is a key of an index, and an attribute that every item has/],
])('an engine %s keeps the name %s for itself', (engine, name, message) => {
  const indexes = engine === 'dynamodb' ? `indexes:\n  by-${name}: { partition: ${name} }\n` : '';
  const text = PROJECTED.replace('engine: opensearch\n', `engine: ${engine}\n${indexes}`);
  expect(refusal(text.replace('title: { type: text }', `${name}: { type: keyword }`))).toMatch(message);
});

test.each([
  ['a protected field without a key', 'protected: true', '', /field title is protected, with no key/],
  ['keys for nothing', 'protected: false', '\nprotection: { keys: [a] }', /no field that is protected/],
  ['a key named twice', 'protected: true', '\nprotection: { keys: [a, b, a] }', /key a is named twice/],
  ['a key of no name', 'protected: true', '\nprotection: { keys: [A B] }', /is no name of small letters/],
])('refuses %s', (_, mark, keys, message) => {
  const text = PROJECTED.replace('engine: opensearch', `engine: dynamodb${keys}`);
  expect(refusal(text.replace('title: { type: text }', `title: { type: text, ${mark} }`))).toMatch(message);
});

test('a name that is taken in one engine is free in another, and where it is no key', () => {
  const text = PROJECTED.replace('title: { type: text }', 'version: { type: keyword }');
  for (const engine of ['opensearch', 'dynamodb']) {
    expect(parseStoreContract(text.replace('engine: opensearch', `engine: ${engine}`), 'x.yaml').engine).toBe(engine);
  }
});

test('the names that are refused are those that a file of facts has', () => {
  const text = PROJECTED.replace('engine: opensearch', 'engine: s3');
  const contract = parseStoreContract(text, 'x.yaml') as ProjectedContract;
  const title = contract.fields.title!;
  for (const name of FACT_COLUMNS) {
    expect(() => factFormat({ ...contract, fields: { [name]: title } })).toThrow(
      new RegExp(`a column ${name} already`),
    );
  }
  const known = encodeFacts(factFormat({ ...contract, fields: {} }), []);
  const { schema } = parquetMetadata(
    known.buffer.slice(known.byteOffset, known.byteOffset + known.byteLength) as ArrayBuffer,
  );
  const columns = schema.slice(1).map(({ name }) => name);
  expect([...columns, 'day'].sort()).toEqual([...FACT_COLUMNS].sort());
  expect(DOCUMENT_META).toBe(META);
});

test('what people wrote down is not part of what a function carries', () => {
  const contract = parseStoreContract(`${PROJECTED}governance:\n  invariants: None are decided here.\n`, 'x.yaml');
  expect(contract.governance?.invariants).toBe('None are decided here.');
  expect(withoutGovernance(contract)).not.toHaveProperty('governance');
});

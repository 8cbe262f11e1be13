import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { encodeFacts, type Fact, factFormat } from '../functions/stores/parquet-file.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { asOf } from '../lib/stores/fact-queries.ts';
import { deleted, hidden, keyBlock, live } from '../testing/store-samples.ts';
import { ROOT, synthesised } from './templates.ts';

/** What Athena is told of the facts, held against files of facts; DuckDB speaks the part of its SQL that is used. */

const contract = readCatalogue(ROOT).projected.find(({ engine }) => engine === 's3')!;
const templates = await synthesised(false);
const [table] = templates.of('AWS::Glue::Table');
const { TableInput } = table!.properties;
const at = (day: number): number => Date.UTC(2026, 0, day, 12);
const [a, b, c] = keyBlock(3).keys as [Fact['key'], Fact['key'], Fact['key']];
const fact = (write: Omit<Fact, 'extractedAt'>, day: number): Fact => ({
  ...write,
  committedAt: at(day),
  extractedAt: at(day) + 1000,
});
const FACTS: readonly Fact[] = [
  fact(live(a, 1, { status: 'open' }), 1),
  fact(live(b, 1, { status: 'open' }), 1),
  fact(live(a, 2, { status: 'closed' }), 2),
  fact(deleted(b, 2), 2),
  // Between compaction and clean-up a version is there twice.
  { ...fact(live(a, 2, { status: 'closed' }), 2), extractedAt: at(9) },
  fact(live(c, 1, { status: 'open' }), 3),
  fact(hidden(c, 2), 4),
];

const folder = mkdtempSync(join(tmpdir(), 'distributary-facts-'));
let duck: DuckDBConnection;
beforeAll(async () => {
  const file = join(folder, 'facts.parquet');
  writeFileSync(file, encodeFacts(factFormat(contract), FACTS));
  duck = await (await DuckDBInstance.create(':memory:')).connect();
  await duck.run(`SET timezone = 'UTC'; CREATE VIEW facts AS SELECT * FROM '${file}'`);
});
afterAll(() => {
  duck?.closeSync();
  rmSync(folder, { recursive: true });
});

/** As each side calls a type. */
const IN_ATHENA: Readonly<Record<string, string>> = {
  UUID: 'binary',
  BIGINT: 'bigint',
  DOUBLE: 'double',
  BOOLEAN: 'boolean',
  VARCHAR: 'string',
  'VARCHAR[]': 'array<string>',
  DATE: 'date',
  JSON: 'string',
  'TIMESTAMP WITH TIME ZONE': 'timestamp',
};

test('the table has the columns that the files have', async () => {
  const rows = (await duck.runAndReadAll('SELECT column_name, column_type FROM (DESCRIBE facts)')).getRowsJson();
  expect(TableInput.StorageDescriptor.Columns.map(({ Name, Type }: Record<string, string>) => [Name, Type])).toEqual(
    rows.map(([name, type]) => [name, IN_ATHENA[String(type)]]),
  );
});

test('its files are found by their path, those of the target that readers see only', () => {
  const { Parameters, PartitionKeys } = TableInput;
  expect(PartitionKeys.map(({ Name }: { Name: string }) => Name)).toEqual(['target', 'day']);
  const template = JSON.stringify(Parameters['storage.location.template']);
  expect(template).toMatch(/s3:\/\/.*\/\$\{target\}\/day=\$\{day\}\//);
  const target = Parameters['projection.target.values']['Fn::GetAtt'];
  expect(templates.referred(table!.stack, { 'Fn::GetAtt': target }).type).toBe('Custom::StoreTarget');
  expect(target[1]).toBe('target');
});

test('the prepared question gives each aggregate as it was, once, without what was deleted or hidden', async () => {
  const [statement] = templates.of('AWS::Athena::PreparedStatement');
  const text = statement!.properties.QueryStatement;
  const inTemplate =
    typeof text === 'string'
      ? text
      : text['Fn::Join'][1].map((part: unknown) => (typeof part === 'string' ? part : 'x')).join('');
  const columns = asOf(contract, 'facts').split('FROM newest')[0]!.split('SELECT key')[1]!;
  expect(inTemplate).toContain(columns);

  const ask = async (time: string) => {
    const prepared = await duck.prepare(asOf(contract, 'facts').replace('?', 'CAST($1 AS TIMESTAMPTZ)'));
    prepared.bindVarchar(1, time);
    const rows = (await prepared.runAndReadAll()).getRowObjectsJson();
    return rows.map(({ key, status }) => [key, status]).sort();
  };
  expect(await ask('2026-01-01T00:00:00Z')).toEqual([]);
  expect(await ask('2026-01-01T23:00:00Z')).toEqual([
    [a, 'open'],
    [b, 'open'],
  ]);
  expect(await ask('2026-01-03T23:00:00Z')).toEqual([
    [a, 'closed'],
    [c, 'open'],
  ]);
  expect(await ask('2026-02-01T00:00:00Z')).toEqual([[a, 'closed']]);
});

test('queries are metered, limited, encrypted, and what they found expires', () => {
  const [{ properties }] = templates.of('AWS::Athena::WorkGroup') as [(typeof templates.resources)[number]];
  expect(properties.WorkGroupConfiguration).toMatchObject({
    EnforceWorkGroupConfiguration: true,
    PublishCloudWatchMetricsEnabled: true,
    BytesScannedCutoffPerQuery: expect.any(Number),
    ResultConfiguration: { EncryptionConfiguration: { EncryptionOption: 'SSE_S3' } },
  });
  const bucket = templates.of('AWS::S3::Bucket', `distributary-${contract.store_name}`)[0]!;
  expect(JSON.stringify(properties.WorkGroupConfiguration.ResultConfiguration.OutputLocation)).toContain(bucket.id);
  expect(bucket.properties.LifecycleConfiguration.Rules).toContainEqual(
    expect.objectContaining({ Prefix: 'queries/', ExpirationInDays: 7 }),
  );
});

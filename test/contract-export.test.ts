import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Ajv from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { contractExportCommand } from '../bin/commands/contract-export.ts';
import { contractExports } from '../bin/contract-exports.ts';
import { encodeChange, encodeHeartbeat } from '../core/pack.ts';
import type { AggregateId, TenantId, Version } from '../core/version.ts';
import { Names } from '../lib/names.ts';
import { capturedTerminal } from './captured-terminal.ts';
import { shippedContracts } from './contract-sources.ts';

const catalogue = shippedContracts();
// biome-ignore lint/suspicious/noExplicitAny: a document is looked into as its test sees fit
type Loose = any;
const asyncApi: Loose = parse(contractExports(catalogue, 'asyncapi')[0]!.text);

/** AsyncAPI's own JSON schema, which brings the schema of schemas along. */
function asyncApiValidator() {
  const { schemas } = createRequire(import.meta.url)('@asyncapi/specs') as {
    schemas: Readonly<Record<string, object>>;
  };
  const ajv = new Ajv.default({ strict: false, allErrors: true, meta: false, validateSchema: false });
  addFormats.default(ajv);
  return ajv.compile(schemas['3.1.0']!);
}
const validate = asyncApiValidator();
const asyncApiFaults = (document: unknown): readonly string[] =>
  validate(document) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);

describe('AsyncAPI', () => {
  test('is valid by its own schema, bindings included', () => {
    expect(asyncApiFaults(asyncApi)).toEqual([]);
  });

  test('which refuses what is wrong', () => {
    const wrong = structuredClone(asyncApi);
    wrong.channels.changes.adress = 'x';
    wrong.channels['case-search-standard'].bindings.sqs.queue.fifoQueue = 'no';
    expect(asyncApiFaults(wrong).join('\n')).toMatch(/\/channels\/changes must NOT have additional properties/);
    expect(asyncApiFaults(wrong).join('\n')).toMatch(/fifoQueue must be boolean/);
  });

  test('names the topic and the queues as they are deployed, and every reference leads somewhere', () => {
    const names = new Names('distributary');
    expect(asyncApi.channels.changes.address).toBe(names.topic);
    for (const { store_name } of catalogue.projected) {
      expect(asyncApi.channels[`${store_name}-priority`]).toMatchObject({
        address: names.queue(store_name, 'priority'),
        bindings: { sqs: { deadLetterQueue: { name: names.failedQueue(store_name) } } },
      });
    }
    const references = [...JSON.stringify(asyncApi).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!);
    const lost = references.filter(
      path => path.split('/').reduce((at: Loose, step) => at?.[step], asyncApi) === undefined,
    );
    expect([references.length > 50, lost]).toEqual([true, []]);
  });

  test('describes what the relay really sends', () => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    const validator = (name: string) => ajv.compile({ ...asyncApi, $ref: `#/components/messages/${name}/payload` });
    const tenant = validator('tenant');
    const header = {
      aggregate: 'tenant',
      change: 'suspended',
      key: '0b7f0e9c-8f6e-4f4e-9b43-0d6c2f4a7a11' as AggregateId,
      tenant: '0b7f0e9c-8f6e-4f4e-9b43-0d6c2f4a7a11' as TenantId,
      version: 7 as Version,
      digest: 12,
      lane: 'priority' as const,
      schemaVersion: 1,
      committedAt: 1_700_000_000_000,
    };
    const state = '{"name":"A","kind":"company","suspended":true,"created_at":"2026-01-01T00:00:00Z"}';
    const pack = [encodeChange(header, { state }), encodeChange(header, { deleted: true })].map(text =>
      JSON.parse(text),
    );
    expect([tenant(pack), tenant.errors]).toEqual([true, null]);
    expect(tenant([{ ...pack[0], type: 'tenant.promoted' }])).toBe(false);
    expect(tenant([JSON.parse(encodeChange(header, { state: '{"name":"A"}' }))])).toBe(false);
    const heartbeat = validator('heartbeat');
    expect(heartbeat(JSON.parse(encodeHeartbeat({ kind: 'heartbeat', lane: 'standard', committedAt: 0 })))).toBe(true);
  });
});

describe('ODCS', () => {
  const contracts = new Map(
    contractExports(catalogue, 'odcs').map(({ path, text }): [string, Loose] => [path, parse(text)]),
  );

  test('there is one for each store that a contract describes field by field', () => {
    const names = [...catalogue.projected.map(({ store_name }) => store_name), catalogue.canonical.store_name].sort();
    expect([...contracts.keys()].sort()).toEqual(names.map(name => `odcs/${name}.yaml`));
  });

  test('has every field with its type, class and source, and what the standard has no word for beside it', () => {
    const contract = contracts.get('odcs/case-search.yaml');
    const { properties } = contract.schema[0];
    const { fields } = catalogue.projected.find(({ store_name }) => store_name === 'case-search')!;
    expect(properties.map(({ name }: Loose) => name)).toEqual(['key', ...Object.keys(fields)]);
    const names = properties.find(({ name }: Loose) => name === 'party_names');
    expect(names).toMatchObject({
      logicalType: 'array',
      items: { logicalType: 'string' },
      classification: 'personal',
      transformLogic: 'parties.name',
    });
    const custom = Object.fromEntries(contract.customProperties.map(({ property, value }: Loose) => [property, value]));
    expect(custom).toMatchObject({
      role: 'projection',
      rebuild: { supported: true },
      governance: { decision: { status: 'accepted' } },
    });
    expect(contract.slaProperties[0]).toMatchObject({ property: 'latency', value: 10, unit: 's' });
  });

  test('the canonical store has an object for each aggregate, with what lies deeper', () => {
    const contract = contracts.get('odcs/case-service-postgres.yaml');
    const kase = contract.schema.find(({ name }: Loose) => name === 'case');
    const parties = kase.properties.find(({ name }: Loose) => name === 'parties');
    expect(parties.items.properties.map(({ name }: Loose) => name)).toEqual(['id', 'role', 'name', 'kind']);
  });
});

test('the command writes the files where it is told to', async () => {
  const out = mkdtempSync(join(tmpdir(), 'distributary-export-'));
  try {
    const { terminal, out: said } = capturedTerminal();
    const session = { terminal, json: false, signal: new AbortController().signal };
    const root = join(import.meta.dirname, '..');
    expect(await contractExportCommand.run([], { format: 'odcs', out, root }, session)).toBe(0);
    expect(said()).toContain(`${catalogue.projected.length + 1} files written to`);
    expect(readFileSync(join(out, 'odcs/case-search.yaml'), 'utf8')).toContain('apiVersion: v3.1.0');
  } finally {
    rmSync(out, { recursive: true });
  }
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readMeasured, readPrices } from '../bin/cost/cost-files.ts';
import { costLines } from '../bin/cost/shown-cost.ts';
import { type CostLine, estimate, type Sizing } from '../core/cost.ts';
import { dollarsOf, type Measured, measuredSchema, priceTableSchema, vouched } from '../core/prices.ts';
import { parseYaml } from '../core/yaml.ts';
import { readCatalogue } from '../lib/contract-files.ts';

const ROOT = join(import.meta.dirname, '..');
const catalogue = readCatalogue(ROOT);
const table = readPrices(ROOT);
const prices = dollarsOf(table);
const sizing: Sizing = {
  zones: 2,
  capacityUnits: 0.5,
  databaseInstances: 1,
  searchNodes: 1,
  searchNodeHour: prices.opensearch_t3_small_hour,
  searchVolumeGigabytes: 20,
};

/** Round figures, so that a reader can reckon along. */
const measured: Measured = {
  measured_on: '2026-01-01',
  command: 'by hand',
  changes: 1000,
  changes_per_second: 10,
  parts: {
    'project-case-timeline': {
      million_changes: {
        'lambda.invocations': 1e6,
        'lambda.milliseconds': 40e6,
        'sqs.messages': 1e6,
        'dynamodb.PutItem': 1e6,
      },
      idle_hour: { 'dynamodb.UpdateItem': 1000 },
    },
    relay: { million_changes: { 'sns.POST': 1e6 }, idle_hour: {} },
  },
};

const costOf = (store: string) => estimate(catalogue, prices, measured, sizing).find(cost => cost.store === store)!;
const lineOf = (store: string, what: string): CostLine | undefined =>
  costOf(store).lines.find(line => line.what === what);

test('what a store costs follows from its workload, what was measured, and the price table', () => {
  const { workload, delivery } = catalogue.stores.find(({ store_name }) => store_name === 'case-timeline')!;
  const millions = workload!.changes_per_month / 1e6;
  expect(lineOf('case-timeline', 'function starts')).toMatchObject({
    class: 'compute',
    quantity: millions,
    dollars: millions * prices.lambda_million_invocations,
  });
  expect(lineOf('case-timeline', 'function time')!.quantity).toBeCloseTo(
    millions * 40_000 * (delivery.memory_megabytes / 1024),
  );
  // 1,500 bytes are two units; the watermark moves a thousand times an hour, changes or not.
  const units = millions * 2 + (1000 * 730) / 1e6;
  expect(lineOf('case-timeline', 'table write units')!.quantity).toBeCloseTo(units);
  expect(lineOf('case-timeline', 'table write units')!.dollars).toBeCloseTo(units * prices.dynamodb_million_writes);
});

test('queues cost while nothing happens: their pollers never cease', () => {
  const polls = 2 * 5 * 180 * 730;
  expect(lineOf('case-search', 'queue requests')!.quantity).toBeCloseTo(polls / 1e6);
});

test('each row of an index is written and held as well', () => {
  const worklist = catalogue.stores.find(({ store_name }) => store_name === 'investigator-worklist')!;
  const { documents, average_document_bytes } = worklist.workload!;
  expect(lineOf('investigator-worklist', 'documents and indexes')!.quantity).toBeCloseTo(
    (2 * documents * average_document_bytes) / 2 ** 30,
  );
});

test('a store that protects fields pays for its keys, and the network for the way to them', () => {
  expect(lineOf('case-timeline', 'keys of protected fields')).toMatchObject({
    quantity: 1,
    dollars: prices.kms_key_month,
  });
  expect(costOf('case-search').lines.map(({ what }) => what)).not.toContain('keys of protected fields');
  const projected = catalogue.projected.map(contract => ({ ...contract, protection: undefined }));
  const endpointsOf = (of: typeof catalogue) =>
    estimate(of, prices, measured, sizing)
      .flatMap(({ lines }) => lines)
      .find(({ what }) => what === 'interface endpoints')!.quantity;
  expect(endpointsOf(catalogue) / endpointsOf({ ...catalogue, projected })).toBeCloseTo(4 / 3);
});

test('a bigger deployment costs more, and only where it is bigger', () => {
  const total = (size: Sizing) =>
    Object.fromEntries(estimate(catalogue, prices, measured, size).map(({ store, dollars }) => [store, dollars]));
  const small = total(sizing);
  const big = total({ ...sizing, capacityUnits: 2, databaseInstances: 2, searchNodes: 3 });
  expect(big['case-service-postgres']).toBeGreaterThan(3 * small['case-service-postgres']!);
  expect(big['case-search']).toBeGreaterThan(small['case-search']!);
  expect(big['case-timeline']).toBe(small['case-timeline']);
});

test('a contract without a workload is named, with what is paid by the hour', () => {
  const stores = catalogue.stores.map(store => ({ ...store, workload: undefined }));
  const silent = {
    ...catalogue,
    stores,
    projected: catalogue.projected.map(store => ({ ...store, workload: undefined })),
  };
  const costs = estimate(silent, prices, measured, sizing);
  expect(costs.find(({ store }) => store === 'case-search')!.lines.map(({ what }) => what)).toContain(
    'its share of the domain',
  );
  const shown = costLines({
    costs,
    prices: vouched(table),
    region: table.region,
    measuredOn: '2026-01-01',
    size: 'small',
  });
  expect(shown.join('\n')).toContain('case-search: no workload in its contract');
  // Nothing of it is reckoned here, and it is named nevertheless.
  expect(costs.find(({ store }) => store === 'evidence-content')!.lines).toEqual([]);
  expect(shown.join('\n')).toMatch(/^evidence-content +a month +\$0\.00$/m);
});

test('every shipped contract says its workload, and what no bill shows is quoted from it', () => {
  for (const cost of estimate(catalogue, prices, measured, sizing)) {
    expect([cost.store, cost.workload]).toEqual([cost.store, expect.anything()]);
    for (const said of [cost.engineering, cost.cognitive, cost.governance]) expect(said).toMatch(/\w+ \w+ \w+/);
  }
});

test('each price says where it was seen and when; what nobody confirms is named beside the sum', () => {
  const { unconfirmed, undated, from, to } = vouched(table);
  for (const [name, { seen, on }] of Object.entries(table.figures)) {
    expect([name, seen === 'nowhere', on === undefined]).toEqual([
      name,
      unconfirmed.includes(name),
      unconfirmed.includes(name),
    ]);
  }
  const costs = estimate(catalogue, prices, measured, sizing);
  const shown = costLines({
    costs,
    prices: vouched(table),
    region: 'us-east-1',
    measuredOn: '2026-01-01',
    size: 'small',
  });
  expect(shown).toContain(`not confirmed, from memory: ${unconfirmed.join(', ')}`);
  expect(shown).toContain(`confirmed by a page without a date: ${undated.join(', ')}`);
  expect(shown.join('\n')).toContain(`as quoted from ${from} to ${to}`);
});

test('a price that says where and not when is refused at its line', () => {
  const text = readFileSync(join(ROOT, 'contracts/prices.yaml'), 'utf8').replace('    on: 2026-02-15\n', '');
  expect(() => parseYaml(priceTableSchema, text, 'contracts/prices.yaml')).toThrow(
    expect.objectContaining({
      message: expect.stringContaining('does not say when it was seen'),
      place: expect.objectContaining({ file: 'contracts/prices.yaml', line: expect.any(Number) }),
    }),
  );
});

test('requests were measured, on a day, for every projector and the relay', () => {
  const { parts, changes } = readMeasured(ROOT);
  expect(changes).toBeGreaterThanOrEqual(100);
  const projectors = catalogue.projected.map(({ store_name }) => `project-${store_name}`);
  expect(Object.keys(parts)).toEqual(expect.arrayContaining([...projectors, 'relay']));
  for (const name of projectors) {
    expect(parts[name]!.million_changes['lambda.invocations']).toBeGreaterThan(0);
    // A change is at most one message; a pack holds several.
    expect(parts[name]!.million_changes['sqs.messages']).toBeLessThanOrEqual(1.1e6);
  }
});

test('a mistake in a file is found at its line', () => {
  const text = readFileSync(join(ROOT, 'contracts/requests.yaml'), 'utf8').replace(/changes: \d+/, 'changes: many');
  expect(() => parseYaml(measuredSchema, text, 'contracts/requests.yaml')).toThrow(
    expect.objectContaining({
      place: expect.objectContaining({ file: 'contracts/requests.yaml', line: expect.any(Number) }),
    }),
  );
});

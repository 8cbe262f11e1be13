import { Option } from 'commander';
import type { Sizing } from '../../core/cost.ts';
import { DistributaryError } from '../../core/errors.ts';
import type { Prices } from '../../core/prices.ts';
import { type Command, EXIT } from '../command.ts';
import { type EngineOptions, engineOptions, wholeNumber } from '../running/local-options.ts';
import { catalogueAt, type RootOptions, rootOption } from './contract-root.ts';

interface CostOptions extends RootOptions, EngineOptions {
  readonly size: 'small' | 'production';
  readonly measure?: true;
  readonly seconds: number;
}

const MAX_SECONDS = 900;

export const costCommand: Command<CostOptions> = {
  usage: 'cost',
  summary: 'estimate what a month costs, store by store',
  description: `From "workload" in each contract, contracts/prices.yaml, and contracts/requests.yaml, which holds what a run asked
of AWS's services for a million changes. Engineering, cognitive and governance cost are quoted from the contracts.`,
  examples: [
    { line: 'distributary cost', what: 'the cheapest deployment' },
    { line: 'distributary cost --size production --json', what: 'for machines' },
    { line: 'distributary cost --measure', what: 'count the requests again, some four minutes' },
  ],
  options: [
    rootOption(),
    new Option('--size <size>', 'of the deployment').choices(['small', 'production']).default('small'),
    new Option('--measure', 'run local mode, count its requests, write contracts/requests.yaml'),
    new Option('--seconds <count>', 'time to count, idle and under changes each')
      .default(60)
      .argParser(wholeNumber(1, MAX_SECONDS)),
    ...engineOptions(),
  ],

  async run(_args, { root, size, measure = false, seconds, ...engines }, session) {
    const { readMeasured, readPrices } = await import('../cost/cost-files.ts');
    const { costLines } = await import('../cost/shown-cost.ts');
    const { estimate } = await import('../../core/cost.ts');
    const { dollarsOf, vouched } = await import('../../core/prices.ts');
    if (measure) {
      const { measureRequests } = await import('../cost/measure-requests.ts');
      await measureRequests({ root, seconds, engines }, session);
    }
    const table = readPrices(root);
    const prices = dollarsOf(table);
    const measured = readMeasured(root);
    const costs = estimate(catalogueAt({ root }), prices, measured, await sizingOf(size, prices));
    const shown = { costs, prices: vouched(table), region: table.region, measuredOn: measured.measured_on, size };
    if (session.json) session.terminal.print(JSON.stringify(shown));
    else for (const line of costLines(shown)) session.terminal.print(line);
    return EXIT.fine;
  },
};

async function sizingOf(size: CostOptions['size'], prices: Prices): Promise<Sizing> {
  const { PRESETS } = await import('../../lib/presets.ts');
  const preset = PRESETS[size];
  return {
    zones: preset.zones,
    capacityUnits: preset.databaseCapacity.min,
    databaseInstances: 1 + preset.databaseReaders,
    searchNodes: preset.searchNodes,
    searchNodeHour: nodeHour(preset.searchInstance, prices),
    searchVolumeGigabytes: preset.searchVolumeGibibytes,
  };
}

/** Throws `configuration-invalid` for an instance that the price table does not know. */
function nodeHour(instance: string, prices: Prices): number {
  const known: Readonly<Record<string, number>> = {
    't3.small.search': prices.opensearch_t3_small_hour,
    'r7g.large.search': prices.opensearch_r7g_large_hour,
  };
  const price = known[instance];
  if (price !== undefined) return price;
  throw new DistributaryError('configuration-invalid', `no price for ${instance}`, {
    hint: 'add it to contracts/prices.yaml and core/prices.ts',
  });
}

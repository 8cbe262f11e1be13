import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
import {
  DescribeDomainHealthCommand,
  type DescribeDomainHealthCommandOutput,
  DescribeDomainNodesCommand,
  type DomainNodesStatus,
  OpenSearchClient,
} from '@aws-sdk/client-opensearch';
import middy from '@middy/core';
import { domainWatchVariables, readEnvironment } from '../../core/environment.ts';
import { instruments } from '../instruments.ts';

/** What OpenSearch's colours say of the domain, worst last. */
const COLOURS: readonly (string | undefined)[] = ['Green', 'Yellow', 'Red', 'NotAvailable'];
const BYTES_PER_GIBIBYTE = 2 ** 30;

export interface DomainReport {
  /** 0 green, 1 yellow, 2 red, 3 not there. */
  readonly health: number;
  readonly unassignedShards: number;
  /** Of all data nodes: what an index may grow to. CloudWatch's ClusterUsedSpace says how much is taken. */
  readonly capacityBytes: number;
}

/** Turns the service's answers, in which numbers are text, into figures. */
export function domainReport(
  {
    ClusterHealth,
    TotalUnAssignedShards,
  }: Pick<DescribeDomainHealthCommandOutput, 'ClusterHealth' | 'TotalUnAssignedShards'>,
  nodes: readonly DomainNodesStatus[],
): DomainReport {
  const colour = COLOURS.indexOf(ClusterHealth);
  const data = nodes.filter(({ NodeType }) => NodeType === 'Data');
  const gibibytes = data.reduce((sum, { StorageSize }) => sum + Number(StorageSize ?? 0), 0);
  return {
    health: colour < 0 ? COLOURS.length - 1 : colour,
    unassignedShards: Number(TotalUnAssignedShards ?? 0),
    capacityBytes: gibibytes * BYTES_PER_GIBIBYTE,
  };
}

const tools = instruments('search');

/** Asks the service rather than the domain: a domain that does not answer is what there is to report. */
export const handler = middy<unknown, DomainReport | undefined>()
  .use(injectLambdaContext(tools.logger))
  .use(captureLambdaHandler(tools.tracer, { captureResponse: false }))
  .handler(async () => {
    const { SEARCH_DOMAIN: DomainName } = readEnvironment(domainWatchVariables);
    if (DomainName === '') return undefined;
    const client = new OpenSearchClient();
    const health = await client.send(new DescribeDomainHealthCommand({ DomainName }));
    const { DomainNodesStatusList = [] } = await client.send(new DescribeDomainNodesCommand({ DomainName }));
    const report = domainReport(health, DomainNodesStatusList);
    tools.metrics.addMetric('search_health', MetricUnit.Count, report.health);
    tools.metrics.addMetric('search_unassigned_shards', MetricUnit.Count, report.unassignedShards);
    tools.metrics.addMetric('search_capacity_bytes', MetricUnit.Bytes, report.capacityBytes);
    tools.metrics.publishStoredMetrics();
    return report;
  });

import { Aws, Duration } from 'aws-cdk-lib';
import {
  Color,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  MathExpression,
  Metric,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { Catalogue } from '../core/catalogue.ts';
import type { ProjectedContract } from '../core/store-contract.ts';
import { projectorBundle } from './entry-points.ts';
import { functionMetric, PERIOD, pipelineMetric, queueMetric } from './metrics.ts';
import type { Names } from './names.ts';
import { RELAY_SERVICE } from './relay.ts';
import { SEARCH_SERVICE } from './search-watch.ts';

export interface PathDashboardProps {
  readonly catalogue: Catalogue;
  readonly names: Names;
}

/** Widths of the dashboard's grid: 24 columns. */
const THIRD = 8;
const FULL = 24;
const BYTES_PER_MEBIBYTE = 2 ** 20;
/** The domain is asked every five minutes (search-watch.ts); a shorter period would show gaps. */
const GROWTH_PERIOD = Duration.minutes(15);

/** One page that follows the data from the source to what readers see, row by row. Goes by names, so it depends on nothing. */
export class PathDashboard extends Construct {
  constructor(scope: Construct, id: string, { catalogue, names }: PathDashboardProps) {
    super(scope, id);
    const dashboard = new Dashboard(this, 'Dashboard', { dashboardName: names.dashboard });
    dashboard.addWidgets(title(`1 · Source: ${catalogue.canonical.store_name}`));
    dashboard.addWidgets(...sourceRow(names.cluster));
    dashboard.addWidgets(title(`2 · Relay: ${catalogue.outbox.store_name} to topic`));
    dashboard.addWidgets(...relayRow(names));
    for (const [index, contract] of catalogue.projected.entries()) {
      dashboard.addWidgets(title(`${index + 3} · ${contract.store_name} (${contract.engine}, ${contract.owner_team})`));
      dashboard.addWidgets(...storeRow(contract, names));
      dashboard.addWidgets(...servingRow(contract, names));
    }
  }
}

const title = (text: string): IWidget => new TextWidget({ markdown: `## ${text}`, width: FULL, height: 1 });
const graph = (name: string, left: IMetric[], more: Partial<ConstructorParameters<typeof GraphWidget>[0]> = {}) =>
  new GraphWidget({ title: name, left, width: THIRD, ...more });

function sourceRow(cluster: string): IWidget[] {
  const metric = (metricName: string, statistic: string, label: string) =>
    new Metric({
      namespace: 'AWS/RDS',
      metricName,
      dimensionsMap: { DBClusterIdentifier: cluster },
      statistic,
      label,
      period: PERIOD,
    });
  return [
    graph('Commits per second', [metric('CommitThroughput', 'Average', 'commits')]),
    graph('Commit latency, ms', [metric('CommitLatency', 'p99', 'p99'), metric('CommitLatency', 'p50', 'p50')]),
    graph('Capacity, ACU', [metric('ServerlessDatabaseCapacity', 'Maximum', 'capacity')]),
  ];
}

function relayRow(names: Names): IWidget[] {
  const of = (name: string, statistic: string, label: string) =>
    pipelineMetric(RELAY_SERVICE, name, { statistic, label });
  return [
    graph('Commit to topic, seconds', [of('relay_lag_seconds', 'p99', 'p99'), of('relay_lag_seconds', 'p50', 'p50')]),
    graph('Changes published', [of('source_write_count', 'Sum', 'changes')]),
    graph('WAL kept, bytes', [of('slot_retained_bytes', 'Maximum', 'retained')], {
      right: [queueMetric(names.parkedQueue, 'ApproximateNumberOfMessagesVisible', { label: 'parked' })],
    }),
  ];
}

function storeRow({ store_name, freshness_contract }: ProjectedContract, names: Names): IWidget[] {
  const of = (name: string, statistic: string, label: string) => pipelineMetric(store_name, name, { statistic, label });
  const { normal_p95, maximum_before_alert } = freshness_contract;
  const age = (lane: 'standard' | 'priority') =>
    queueMetric(names.queue(store_name, lane), 'ApproximateAgeOfOldestMessage', { label: `${lane}, oldest` });
  const projector = names.function(projectorBundle(store_name));
  return [
    graph('Waiting, seconds', [age('standard'), age('priority')]),
    graph(
      'Freshness and lag, seconds',
      [of('freshness_seconds', 'Maximum', 'freshness'), of('indexing_lag_seconds', 'p95', 'lag p95')],
      {
        leftAnnotations: [
          { value: normal_p95, label: 'normal p95', color: Color.GREEN },
          { value: maximum_before_alert, label: 'alarm', color: Color.RED },
        ],
      },
    ),
    graph(
      'Trouble',
      [
        of('indexing_error_count', 'Sum', 'errors'),
        of('dead_letter_count', 'Sum', 'dead letters'),
        queueMetric(names.failedQueue(store_name), 'ApproximateNumberOfMessagesVisible', { label: 'failed queue' }),
      ],
      { right: [functionMetric(projector, 'Errors', { label: 'crashes' })] },
    ),
  ];
}

/** What readers get of it: whether it is right, how fast it answers, how much there is. */
function servingRow(contract: ProjectedContract, names: Names): IWidget[] {
  const { store_name, engine } = contract;
  const of = (name: string, statistic: string, label: string) => pipelineMetric(store_name, name, { statistic, label });
  const copies = graph('Mismatches', [
    of('drift_sample_mismatch_count', 'Maximum', 'drift'),
    of('authorization_mismatch_count', 'Sum', 'authorization'),
  ]);
  switch (engine) {
    case 'opensearch': {
      const domain = (metricName: string, statistic: string, label: string) =>
        serving('ES', metricName, { DomainName: names.searchDomain, ClientId: Aws.ACCOUNT_ID }, statistic, label);
      return [
        copies,
        graph('Searching and indexing, ms', [
          domain('SearchLatency', 'Average', 'search'),
          domain('IndexingLatency', 'Average', 'index'),
        ]),
        growth(domain('ClusterUsedSpace', 'Maximum', 'taken')),
      ];
    }
    case 'dynamodb': {
      const table = { TableName: names.table(store_name) };
      const latency = (Operation: string, statistic: string) =>
        serving(
          'DynamoDB',
          'SuccessfulRequestLatency',
          { ...table, Operation },
          statistic,
          `${Operation} ${statistic}`,
        );
      return [
        copies,
        graph('Reading and writing, ms', [
          latency('Query', 'p99'),
          latency('GetItem', 'p99'),
          latency('PutItem', 'p99'),
        ]),
        graph('Capacity used, units', [
          serving('DynamoDB', 'ConsumedReadCapacityUnits', table, 'Sum', 'read'),
          serving('DynamoDB', 'ConsumedWriteCapacityUnits', table, 'Sum', 'written'),
        ]),
      ];
    }
    case 's3-object-lock':
      return [copies];
    case 's3':
      return [copies, graph('Files that count', [of('fact_file_count', 'Maximum', 'files')])];
  }
}

/** How much of what the domain's nodes have is taken: what there is is read from the service, every few minutes. */
const growth = (usedMebibytes: Metric): IWidget =>
  new GraphWidget({
    title: 'Growth: storage taken, %',
    width: THIRD,
    left: [
      new MathExpression({
        expression: `100 * used * ${BYTES_PER_MEBIBYTE} / capacity`,
        usingMetrics: {
          used: usedMebibytes.with({ period: GROWTH_PERIOD }),
          capacity: pipelineMetric(SEARCH_SERVICE, 'search_capacity_bytes', {
            statistic: 'Maximum',
            period: GROWTH_PERIOD,
          }),
        },
        label: 'of the domain',
        period: GROWTH_PERIOD,
      }),
    ],
    leftYAxis: { min: 0, max: 100 },
  });

/** What the service behind a store says of itself. */
const serving = (
  service: string,
  metricName: string,
  dimensionsMap: Readonly<Record<string, string>>,
  statistic: string,
  label: string,
): Metric => new Metric({ namespace: `AWS/${service}`, metricName, dimensionsMap, statistic, label, period: PERIOD });

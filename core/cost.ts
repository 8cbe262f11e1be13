import type { Catalogue } from './catalogue.ts';
import type { Counts, Measured, MeasuredPart, Prices } from './prices.ts';
import { isProtectedContract, type ProjectedContract, type StoreContract, type Workload } from './store-contract.ts';

/** What a deployment pays for by the hour, whatever comes. */
export interface Sizing {
  readonly zones: number;
  /** Aurora's least capacity, which an idle month costs, and its instances. */
  readonly capacityUnits: number;
  readonly databaseInstances: number;
  readonly searchNodes: number;
  readonly searchNodeHour: number;
  readonly searchVolumeGigabytes: number;
}

/** Direct costs of requirements 000 §15, as far as a bill names them. */
export type CostClass = 'compute' | 'storage' | 'backup' | 'throughput' | 'network' | 'observability';

export interface CostLine {
  readonly class: CostClass;
  readonly what: string;
  readonly quantity: number;
  readonly unit: string;
  readonly dollars: number;
}

export interface StoreCost {
  readonly store: string;
  /** Undefined where the contract says nothing of its workload: only what is paid by the hour is known. */
  readonly workload: Workload | undefined;
  readonly lines: readonly CostLine[];
  readonly dollars: number;
  /** What no bill shows, in the words of the contract. */
  readonly engineering: string | undefined;
  readonly cognitive: string | undefined;
  readonly governance: string | undefined;
}

const HOURS = 730;
const MILLION = 1e6;
const GIGABYTE = 2 ** 30;
/** Lambda's pollers ask an idle queue with five long polls of 20 s: docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html. */
const IDLE_POLLS_PER_HOUR = 5 * (3600 / 20);
const LANES = 2;
/** SQS hands out and takes back so many messages in a request. */
const MESSAGES_PER_REQUEST = 10;
const WRITE_UNIT_BYTES = 1024;
const READ_UNIT_BYTES = 4096;
/** A read that need not be the newest costs half a unit. */
const EVENTUAL = 0.5;
/** Of a search index against its documents: postings, doc values and the stored source. */
const INDEX_FACTOR = 1.1;
/** One relay runs at all times; lib/relay.ts gives it this much. */
const RELAY_GIGABYTES = 0.25;
/** lib/projection.ts gives compaction this much. */
const COMPACT_GIGABYTES = 1;
/** lib/operations.ts and lib/guardian.ts give them this much. */
const CLOCK_GIGABYTES: Readonly<Record<string, number>> = { operate: 1769 / 1024, guardian: 0.25 };
/** Endpoints of the network: SNS, SQS, Secrets Manager; where fields are protected, KMS too. */
const ENDPOINTS = 3;
/** A serverless Valkey is billed for a tenth of a gigabyte at least, and for each kilobyte that goes in or out. */
const VALKEY_LEAST_GIGABYTES = 0.1;
const VALKEY_UNIT_BYTES = 1024;
const VALKEY_WRITES = 2;
const VALKEY_ALARMS = 4;
const ALARMS_PER_STORE = 5;
const METRICS_PER_STORE = 7;

/** A month's cost of each store. */
export function estimate(
  catalogue: Catalogue,
  prices: Prices,
  measured: Measured,
  sizing: Sizing,
): readonly StoreCost[] {
  const projected = new Map(catalogue.projected.map(contract => [contract.store_name, contract]));
  const searches = catalogue.projected.filter(({ engine }) => engine === 'opensearch').length;
  return catalogue.stores.map(contract => {
    const { store_name: store, workload, governance } = contract;
    const own = projected.get(store);
    const lines = own
      ? [...pipelineLines(own, prices, measured), ...storeLines(own, prices, sizing, searches)]
      : sourceLines(contract, catalogue, prices, measured, sizing);
    const paid = lines.filter(({ quantity }) => quantity > 0);
    return {
      store,
      workload,
      lines: paid,
      dollars: paid.reduce((total, { dollars }) => total + dollars, 0),
      engineering: governance?.cost?.engineering,
      cognitive: governance?.cost?.cognitive,
      governance: governance?.cost?.governance,
    };
  });
}

const line = (of: CostClass, what: string, quantity: number, unit: string, price: number): CostLine => ({
  class: of,
  what,
  quantity,
  unit,
  dollars: quantity * price,
});

/** What a month of a function asks for, of some names: what follows from changes, and what goes on while there are none. */
const monthly = (part: MeasuredPart | undefined, changes: number) => {
  const of = (counts: Counts | undefined, name: string) => counts?.[name] ?? 0;
  return (...names: readonly string[]): number =>
    names.reduce(
      (total, name) =>
        total + (of(part?.million_changes, name) * changes) / MILLION + of(part?.idle_hour, name) * HOURS,
      0,
    );
};

/** From the topic to the store: queues, functions, what they ask of others. */
function pipelineLines(contract: ProjectedContract, prices: Prices, { parts }: Measured): readonly CostLine[] {
  const { store_name, workload, delivery, engine, indexes = {}, protection } = contract;
  const changes = workload?.changes_per_month ?? 0;
  const project = monthly(parts[`project-${store_name}`], changes);
  const compact = monthly(parts[`compact-${store_name}`], changes);
  const asks = (...names: readonly string[]) => project(...names) + compact(...names);
  const messages = project('sqs.messages');
  const batches = Math.max(project('lambda.invocations'), messages / MESSAGES_PER_REQUEST);
  const queued =
    messages +
    project('sqs.SendMessage', 'sqs.SendMessageBatch', 'sqs.GetQueueAttributes') +
    2 * batches +
    LANES * IDLE_POLLS_PER_HOUR * HOURS;
  const document = Math.ceil((workload?.average_document_bytes ?? 0) / WRITE_UNIT_BYTES);
  const perPut = engine === 'dynamodb' ? document * (1 + Object.keys(indexes).length) : 1;
  const writes = asks('dynamodb.PutItem') * perPut + asks('dynamodb.UpdateItem', 'dynamodb.DeleteItem');
  const time =
    (project('lambda.milliseconds') / 1000) * (delivery.memory_megabytes / 1024) +
    (compact('lambda.milliseconds') / 1000) * COMPACT_GIGABYTES;
  const million = (of: CostClass, what: string, quantity: number, price: number) =>
    line(of, what, quantity / MILLION, 'million', price);
  return [
    million('compute', 'function starts', asks('lambda.invocations'), prices.lambda_million_invocations),
    line('compute', 'function time', time, 'GB s', prices.lambda_arm64_gigabyte_second),
    million('throughput', 'queue requests', queued, prices.sqs_million_requests),
    million('throughput', 'table write units', writes, prices.dynamodb_million_writes),
    million(
      'throughput',
      'table read units',
      asks('dynamodb.GetItem', 'dynamodb.Query'),
      prices.dynamodb_million_reads,
    ),
    million('throughput', 'objects written', asks('s3.PUT', 's3.POST'), prices.s3_million_puts),
    million('throughput', 'objects read', asks('s3.GET', 's3.HEAD'), prices.s3_million_gets),
    line('storage', 'keys of protected fields', protection?.keys.length ?? 0, 'keys', prices.kms_key_month),
    line('observability', 'alarms', ALARMS_PER_STORE, 'alarms', prices.alarm_month),
    line('observability', 'metrics', METRICS_PER_STORE, 'metrics', prices.metric_month),
  ];
}

/** What the store itself costs: what lies in it, what is read, what runs for it. */
function storeLines(
  { engine, workload, indexes = {} }: ProjectedContract,
  prices: Prices,
  sizing: Sizing,
  searches: number,
): readonly CostLine[] {
  const gigabytes = gigabytesOf(workload);
  const { reads_per_month: reads = 0, average_document_bytes: bytes = 0 } = workload ?? {};
  switch (engine) {
    case 'dynamodb': {
      const units = (reads * Math.ceil(bytes / READ_UNIT_BYTES) * EVENTUAL) / MILLION;
      const held = gigabytes * (1 + Object.keys(indexes).length);
      return [
        line('throughput', 'readers', units, 'million units', prices.dynamodb_million_reads),
        line('storage', 'documents and indexes', held, 'GB', prices.dynamodb_gigabyte_month),
        line('backup', 'point in time', gigabytes, 'GB', prices.dynamodb_backup_gigabyte_month),
      ];
    }
    case 's3':
      return [
        line('throughput', 'readers', reads / MILLION, 'million', prices.s3_million_gets),
        line('storage', 'facts', gigabytes, 'GB', prices.s3_gigabyte_month),
      ];
    case 's3-object-lock':
      return [
        line('throughput', 'readers', reads / MILLION, 'million', prices.s3_million_gets),
        line('storage', 'locked objects', gigabytes, 'GB', prices.s3_gigabyte_month),
      ];
    case 'opensearch': {
      const nodes = sizing.searchNodes / searches;
      const volume = Math.max(sizing.searchVolumeGigabytes * nodes, gigabytes * INDEX_FACTOR);
      return [
        line('compute', 'its share of the domain', nodes * HOURS, 'node hours', sizing.searchNodeHour),
        line('storage', 'index', volume, 'GB', prices.opensearch_volume_gigabyte_month),
      ];
    }
  }
}

/** The canonical store, its outbox with the relay, the control table; a store built elsewhere is not ours to reckon. */
function sourceLines(
  contract: StoreContract,
  catalogue: Catalogue,
  prices: Prices,
  measured: Measured,
  sizing: Sizing,
): readonly CostLine[] {
  const { store_name, workload } = contract;
  const gigabytes = gigabytesOf(workload);
  if (store_name === catalogue.canonical.store_name) {
    const { capacityUnits, databaseInstances, zones } = sizing;
    const endpoints = ENDPOINTS + (catalogue.projected.some(isProtectedContract) ? 1 : 0);
    return [
      line(
        'compute',
        'least capacity',
        capacityUnits * databaseInstances * HOURS,
        'ACU hours',
        prices.aurora_capacity_unit_hour,
      ),
      line('storage', 'rows', gigabytes, 'GB', prices.aurora_gigabyte_month),
      line('network', 'interface endpoints', endpoints * zones * HOURS, 'hours', prices.interface_endpoint_hour),
    ];
  }
  if (store_name === catalogue.outbox.store_name) {
    const asks = monthly(measured.parts.relay, workload?.changes_per_month ?? 0);
    return [
      line('compute', 'relay', RELAY_GIGABYTES * HOURS * 3600, 'GB s', prices.lambda_arm64_gigabyte_second),
      line('throughput', 'publishes', asks('sns.POST') / MILLION, 'million', prices.sns_million_publishes),
      line('throughput', 'parked states', asks('s3.PUT') / MILLION, 'million', prices.s3_million_puts),
      line('storage', 'outbox', gigabytes, 'GB', prices.aurora_gigabyte_month),
    ];
  }
  if (contract.engine === 'valkey') return valkeyLines(contract, prices);
  if (contract.engine !== 'dynamodb') return [];
  return [
    line('compute', 'operations and guardian', clockTime(measured), 'GB s', prices.lambda_arm64_gigabyte_second),
    line('storage', 'items', gigabytes, 'GB', prices.dynamodb_gigabyte_month),
    line('backup', 'point in time', gigabytes, 'GB', prices.dynamodb_backup_gigabyte_month),
  ];
}

/** Each entry is asked for, and where it is made again, claimed and written. */
function valkeyLines({ workload }: StoreContract, prices: Prices): readonly CostLine[] {
  const {
    changes_per_month: changes = 0,
    reads_per_month: reads = 0,
    average_document_bytes: bytes = 0,
  } = workload ?? {};
  const units = (reads + VALKEY_WRITES * changes) * Math.max(1, bytes / VALKEY_UNIT_BYTES);
  const held = Math.max(VALKEY_LEAST_GIGABYTES, gigabytesOf(workload));
  return [
    line('compute', 'units of requests', units / MILLION, 'million', prices.valkey_million_units),
    line('storage', 'entries, or the least that is billed', held * HOURS, 'GB hours', prices.valkey_gigabyte_hour),
    line('storage', 'its key', 1, 'keys', prices.kms_key_month),
    line('observability', 'alarms', VALKEY_ALARMS, 'alarms', prices.alarm_month),
    line('observability', 'metrics', 1, 'metrics', prices.metric_month),
  ];
}

/** What is started by a clock and works for all stores. */
const clockTime = ({ parts }: Measured): number =>
  Object.entries(CLOCK_GIGABYTES).reduce(
    (total, [name, gigabytes]) => total + (monthly(parts[name], 0)('lambda.milliseconds') / 1000) * gigabytes,
    0,
  );

const gigabytesOf = (workload: Workload | undefined): number =>
  workload ? (workload.documents * workload.average_document_bytes) / GIGABYTE : 0;

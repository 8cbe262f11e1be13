import { z } from 'zod';
import { DistributaryError } from '../core/errors.ts';
import type { StoreEndpoints } from './endpoints.ts';
import type { FunctionModel } from './template/compute.ts';
import type { Model } from './template/model.ts';

/** What a client of the pipeline needs by name, found in the environments of its functions. */
export interface PipelinePlaces {
  readonly topicArn: string;
  readonly payloadBucket: string;
  /** Where an API has the content of evidence put. */
  readonly evidenceBucket?: string | undefined;
  readonly parkedQueueUrl: string;
  readonly slot: string;
  readonly controlTable: string;
  readonly operate: string;
  readonly stores: Readonly<Record<string, StoreEndpoints>>;
}

export function pipelinePlaces(model: Model): PipelinePlaces {
  const relay = model.functions.find(({ environment }) => 'TOPIC_ARN' in environment);
  const operate = model.functions.find(fn => isOperator(fn) && !storeStacks(model).some(stack => isOf(fn, stack)));
  if (!relay || !operate) {
    throw new DistributaryError('template-unsupported', 'no function with TOPIC_ARN, or none with OPERATED_STORES', {
      hint: 'local mode tells the relay and the operations function by their variables in core/environment.ts',
    });
  }
  return {
    topicArn: relay.environment.TOPIC_ARN!,
    payloadBucket: relay.environment.PAYLOAD_BUCKET!,
    evidenceBucket: operate.environment.EVIDENCE_BUCKET,
    parkedQueueUrl: relay.environment.PARKED_QUEUE_URL!,
    slot: relay.environment.SLOT_NAME!,
    controlTable: operate.environment.CONTROL_TABLE!,
    operate: operate.name,
    stores: Object.fromEntries(
      model.customResources.flatMap(({ stack, properties }) => storeOf(model, stack, properties)),
    ),
  };
}

/** A stack of a projection has one store, which its custom resource names. */
function storeOf(
  { functions }: Model,
  stack: string,
  { Store }: Readonly<Record<string, unknown>>,
): [string, StoreEndpoints][] {
  const own = functions.filter(fn => isOf(fn, stack));
  const projector = own.find(({ environment }) => 'QUEUE_URL' in environment);
  if (Store === undefined || !projector) return [];
  const name = String(Store);
  const operate = own.find(isOperator)?.name;
  const places = { ...engineOf(name, projector), projector: projector.name, ...queuesOf(projector) };
  return [[name, { ...places, ...(operate !== undefined && { operate }) }]];
}

const isOperator = ({ environment }: FunctionModel): boolean => 'OPERATED_STORES' in environment;
const isOf = ({ id }: FunctionModel, stack: string): boolean => id.startsWith(`${stack}/`);
const storeStacks = ({ customResources }: Model): readonly string[] =>
  customResources.filter(({ properties }) => properties.Store !== undefined).map(({ stack }) => stack);

function engineOf(
  store: string,
  { environment }: FunctionModel,
): Pick<StoreEndpoints, 'engine' | 'index' | 'table' | 'bucket'> {
  const { OPENSEARCH_URL, BUCKET_NAME, ARCHIVE_BUCKET, TABLE_NAME } = environment;
  if (OPENSEARCH_URL !== undefined) return { engine: 'opensearch', index: store };
  if (BUCKET_NAME !== undefined) return { engine: 's3', bucket: BUCKET_NAME };
  if (ARCHIVE_BUCKET !== undefined) return { engine: 's3-object-lock', bucket: ARCHIVE_BUCKET };
  return { engine: 'dynamodb', table: TABLE_NAME! };
}

const queuesOf = ({ environment }: FunctionModel) => ({
  queueUrl: environment.QUEUE_URL!,
  priorityQueueUrl: environment.PRIORITY_QUEUE_URL!,
  failedQueueUrl: environment.FAILED_QUEUE_URL!,
});

/** Without what the stacks of other stores ask for; a store's stack is known by its custom resource. */
export function onlyStores(model: Model, stores: readonly string[] | undefined): Model {
  if (!stores) return model;
  const others = model.customResources.filter(({ properties: { Store } }) => Store && !stores.includes(String(Store)));
  const isWanted = (part: object) =>
    !('id' in part) || !others.some(({ stack }) => `${part.id}`.startsWith(`${stack}/`));
  return Object.fromEntries(
    Object.entries(model).map(([kind, parts]) => [kind, parts.filter(isWanted)]),
  ) as unknown as Model;
}

const filterPolicy = z.object({ aggregate: z.array(z.string()).default([]) });

/** All that some store is made from, as the filters of its queues say. */
export function subscribedAggregates({ subscriptions }: Model): readonly string[] {
  const policies = subscriptions.map(({ attributes }) => JSON.parse(attributes.FilterPolicy ?? '{}'));
  return [...new Set(policies.flatMap(policy => filterPolicy.parse(policy).aggregate))];
}

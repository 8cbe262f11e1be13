import { LambdaClient, ListEventSourceMappingsCommand, UpdateEventSourceMappingCommand } from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Lane } from '../../core/change.ts';
import type { Endpoints } from '../../local/endpoints.ts';

/** What brings a lane's messages to a store's projector. */
export interface LaneFeed {
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Messages in the lane's queue, taken in hand or not. */
  waiting(): Promise<number>;
}

export async function feeding(endpoints: Endpoints, store: string, lane: Lane): Promise<LaneFeed> {
  const { projector, queueUrl, priorityQueueUrl } = endpoints.stores[store]!;
  const QueueUrl = lane === 'standard' ? queueUrl : priorityQueueUrl;
  const settings = { region: endpoints.region, credentials: { ...endpoints.credentials } };
  const lambda = new LambdaClient({ ...settings, endpoint: endpoints.control });
  const sqs = new SQSClient({ ...settings, endpoint: endpoints.sqs });
  const { EventSourceMappings = [] } = await lambda.send(
    new ListEventSourceMappingsCommand({ FunctionName: projector }),
  );
  const name = QueueUrl.slice(QueueUrl.lastIndexOf('/') + 1);
  const UUID = EventSourceMappings.find(({ EventSourceArn }) => EventSourceArn?.endsWith(`:${name}`))?.UUID;
  const turn = async (Enabled: boolean): Promise<void> => {
    await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }));
  };
  return {
    stop: () => turn(false),
    start: () => turn(true),
    async waiting() {
      const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
      const request = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] });
      const { Attributes = {} } = await sqs.send(request);
      return AttributeNames.reduce((sum, attribute) => sum + Number(Attributes[attribute] ?? 0), 0);
    },
  };
}

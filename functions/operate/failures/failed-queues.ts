import { GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { DistributaryError } from '../../../core/errors.ts';

/** Names of a store's queues. */
export interface QueueNames {
  readonly standard: string;
  readonly priority: string;
  readonly failed: string;
}

/** The queues of every store, found by name. */
export interface FailedQueues {
  readonly sqs: SQSClient;
  /** URLs. Throws `store-unavailable` when the service does not know them. */
  of(store: string): Promise<QueueNames>;
}

export function failedQueues(sqs: SQSClient, names: Readonly<Record<string, QueueNames>>): FailedQueues {
  const urls = new Map<string, Promise<QueueNames>>();

  async function find(store: string): Promise<QueueNames> {
    const { standard, priority, failed } = names[store]!;
    const urlOf = async (name: string) => {
      try {
        return (await sqs.send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl!;
      } catch (cause) {
        throw new DistributaryError('store-unavailable', `queue ${name} cannot be found`, { cause });
      }
    };
    const [standardUrl, priorityUrl, failedUrl] = await Promise.all([standard, priority, failed].map(urlOf));
    return { standard: standardUrl!, priority: priorityUrl!, failed: failedUrl! };
  }

  return {
    sqs,
    of(store) {
      const found = urls.get(store) ?? find(store);
      urls.set(store, found);
      found.catch(() => urls.delete(store));
      return found;
    },
  };
}

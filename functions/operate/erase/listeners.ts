import { ListSubscriptionsByTopicCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { OperatedPlaces } from '../../../core/environment.ts';

/** ARNs of all that is subscribed to a topic. */
export async function listenersOf(sns: SNSClient, TopicArn: string): Promise<readonly string[]> {
  const arns: string[] = [];
  let NextToken: string | undefined;
  do {
    const page = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn, NextToken }));
    arns.push(...(page.Subscriptions ?? []).flatMap(({ Endpoint }) => (Endpoint === undefined ? [] : [Endpoint])));
    NextToken = page.NextToken || undefined;
  } while (NextToken);
  return arns;
}

const PRIORITY = '-priority';

/**
 * Tells of a queue whose it is, by the names that a pipeline's queues have (lib/names.ts), those of teams' stores as well;
 * nothing of a queue with another name. What names begin with is read off our own.
 */
export function queueOwner(places: OperatedPlaces): (arn: string) => string | undefined {
  const [own] = Object.entries(places);
  const prefix = own?.[1].standard.slice(0, -own[0].length);
  return arn => {
    const name = arn.slice(arn.lastIndexOf(':') + 1);
    if (prefix === undefined || !arn.includes(':sqs:') || !name.startsWith(prefix)) return undefined;
    const store = name.slice(prefix.length);
    return store.endsWith(PRIORITY) ? store.slice(0, -PRIORITY.length) : store;
  };
}

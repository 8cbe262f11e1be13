import { z } from 'zod';
import { arnOf, flag, identityOf, kindOf, number } from './kind.ts';

export interface Queue {
  readonly id: string;
  readonly name: string;
  readonly arn: string;
  readonly url: string;
  /** As `CreateQueue` takes them. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Topic {
  readonly id: string;
  readonly name: string;
  readonly arn: string;
}

export interface Subscription {
  readonly id: string;
  readonly topicArn: string;
  readonly queueArn: string;
  /** As `Subscribe` takes them. */
  readonly attributes: Readonly<Record<string, string>>;
}

const QUEUE_DEFAULT_VISIBILITY_SECONDS = 30;

export const queueKind = kindOf({
  types: ['AWS::SQS::Queue'],
  identify(naming) {
    const name = naming.named('QueueName');
    const url = naming.surroundings.queueUrl(name);
    return identityOf(naming, url, { Arn: arnOf('sqs', name), QueueName: name, QueueUrl: url });
  },
  acts: {
    VisibilityTimeout: number.default(QUEUE_DEFAULT_VISIBILITY_SECONDS),
    MessageRetentionPeriod: number.optional(),
    DelaySeconds: number.optional(),
    ReceiveMessageWaitTimeSeconds: number.optional(),
    MaximumMessageSize: number.optional(),
    RedrivePolicy: z.object({ deadLetterTargetArn: z.string(), maxReceiveCount: number }).optional(),
  },
  ignores: [
    'QueueName',
    'Tags',
    'SqsManagedSseEnabled',
    'KmsMasterKeyId',
    'KmsDataKeyReusePeriodSeconds',
    'RedriveAllowPolicy',
  ],
  build({ RedrivePolicy, ...numbers }, { id, identity }): Queue {
    const given = Object.entries(numbers).filter(([, value]) => value !== undefined);
    const attributes = Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
    return {
      id,
      name: String(identity.attribute('QueueName')),
      arn: String(identity.attribute('Arn')),
      url: String(identity.ref),
      attributes: RedrivePolicy ? { ...attributes, RedrivePolicy: JSON.stringify(RedrivePolicy) } : attributes,
    };
  },
});

export const topicKind = kindOf({
  types: ['AWS::SNS::Topic'],
  identify(naming) {
    const name = naming.named('TopicName');
    const arn = arnOf('sns', name);
    return identityOf(naming, arn, { TopicArn: arn, TopicName: name });
  },
  acts: {},
  ignores: ['TopicName', 'DisplayName', 'Tags', 'KmsMasterKeyId', 'TracingConfig', 'SignatureVersion'],
  build: (_, { id, identity }): Topic => ({
    id,
    name: String(identity.attribute('TopicName')),
    arn: String(identity.ref),
  }),
});

/** Nobody is mailed by a machine that they sit at: status shows the alarms. */
const TO_PEOPLE = ['email', 'email-json', 'sms'] as const;

export const subscriptionKind = kindOf({
  types: ['AWS::SNS::Subscription'],
  identify: naming => identityOf(naming, naming.id, {}),
  acts: {
    TopicArn: z.string(),
    Protocol: z.enum(['sqs', ...TO_PEOPLE]),
    Endpoint: z.string(),
    RawMessageDelivery: flag.default(false),
    FilterPolicy: z.record(z.string(), z.unknown()).optional(),
    FilterPolicyScope: z.enum(['MessageAttributes', 'MessageBody']).optional(),
  },
  ignores: ['Region', 'RedrivePolicy'],
  build({ TopicArn, Protocol, Endpoint, RawMessageDelivery, FilterPolicy, FilterPolicyScope }, { id }): Subscription[] {
    if (Protocol !== 'sqs') return [];
    const attributes = {
      RawMessageDelivery: String(RawMessageDelivery),
      ...(FilterPolicy && { FilterPolicy: JSON.stringify(FilterPolicy) }),
      ...(FilterPolicyScope && { FilterPolicyScope }),
    };
    return [{ id, topicArn: TopicArn, queueArn: Endpoint, attributes }];
  },
});

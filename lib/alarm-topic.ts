import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';

export interface AlarmTopicProps {
  readonly topicName: string;
  /** @default nobody is told; subscribe to the topic */
  readonly email: string | undefined;
}

/** Where every alarm of the pipeline goes. */
export class AlarmTopic extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, { topicName, email }: AlarmTopicProps) {
    super(scope, id);
    // CloudWatch may not use Amazon's own key for SNS, so an encrypted topic for alarms needs one of ours.
    const masterKey = new Key(this, 'Key', { description: `Encrypts ${topicName}`, enableKeyRotation: true });
    const cloudWatch = new ServicePrincipal('cloudwatch.amazonaws.com');
    masterKey.grant(cloudWatch, 'kms:Decrypt', 'kms:GenerateDataKey');
    this.topic = new Topic(this, 'Topic', { topicName, enforceSSL: true, masterKey });
    this.topic.grantPublish(cloudWatch);
    if (email !== undefined) this.topic.addSubscription(new EmailSubscription(email));
  }
}

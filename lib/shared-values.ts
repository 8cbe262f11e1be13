import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';

/**
 * What stacks tell each other, each in a parameter of Systems Manager. No export ties two stacks together, so each can
 * be updated, and replaced, alone; a stack in another repository reads the same parameters.
 */
const PATHS = {
  alarmTopicArn: 'operations/alarm-topic-arn',
  controlTableName: 'operations/control-table-name',
  consoleApiId: 'operations/console-api-id',
  tokenIssuer: 'api/token-issuer',
  tokenAudience: 'api/token-audience',
  apiStateTableName: 'api/state-table-name',
  apiUrl: 'api/url',
  consoleUrl: 'operate/console-url',
  vpcId: 'canonical/vpc-id',
  subnetIds: 'canonical/subnet-ids',
  databaseHost: 'canonical/database-host',
  databaseReaderHost: 'canonical/database-reader-host',
  databasePort: 'canonical/database-port',
  databaseResourceId: 'canonical/database-resource-id',
  databaseClients: 'canonical/database-clients',
  topicArn: 'relay/topic-arn',
  payloadBucketName: 'relay/payload-bucket-name',
  searchEndpoint: 'search/endpoint',
  searchClients: 'search/clients',
  searchAccessArn: 'search/access-arn',
} as const;
export type SharedValue = keyof typeof PATHS;

export class SharedValues {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  path(value: SharedValue): string {
    return `/${this.#prefix}/${PATHS[value]}`;
  }

  publish(scope: Construct, values: Partial<Record<SharedValue, string>>): void {
    for (const [value, stringValue] of Object.entries(values)) {
      const parameterName = this.path(value as SharedValue);
      new StringParameter(scope, `Shared-${value}`, { parameterName, stringValue });
    }
  }

  /** The bucket of a store, whose name CloudFormation makes up. */
  publishBucket(scope: Construct, store: string, stringValue: string): void {
    new StringParameter(scope, 'Shared-bucket', { parameterName: this.#bucketPath(store), stringValue });
  }

  readBucket(scope: Construct, store: string): string {
    return StringParameter.valueForStringParameter(scope, this.#bucketPath(store));
  }

  /** A key of a store's protected fields. */
  publishKey(scope: Construct, store: string, key: string, stringValue: string): void {
    new StringParameter(scope, `Shared-key-${key}`, { parameterName: this.#keyPath(store, key), stringValue });
  }

  readKey(scope: Construct, store: string, key: string): string {
    return StringParameter.valueForStringParameter(scope, this.#keyPath(store, key));
  }

  #keyPath(store: string, key: string): string {
    return `/${this.#prefix}/stores/${store}/keys/${key}`;
  }

  #bucketPath(store: string): string {
    return `/${this.#prefix}/stores/${store}/bucket-name`;
  }

  /** Resolved by CloudFormation at each update of the reading stack. */
  read(scope: Construct, value: SharedValue): string {
    return StringParameter.valueForStringParameter(scope, this.path(value));
  }
}

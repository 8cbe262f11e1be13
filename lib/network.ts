import { Fn } from 'aws-cdk-lib';
import {
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  type IVpc,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';

export interface NetworkProps {
  /** How many zones it spreads over. */
  readonly zones: number;
  /** Whether containers run in it, whose images and logs go over the network too. */
  readonly containers: boolean;
  /** Whether fields of some store are protected, which functions in it open. */
  readonly keys: boolean;
  /** @default a new network */
  readonly existing: { readonly networkId: string; readonly subnetIds: readonly string[] } | undefined;
}

/** Private subnets without a way out, where the canonical store, the search domain and what calls them are. */
export class Network extends Construct {
  readonly vpc: IVpc;
  /** One to a zone. */
  readonly subnetIds: string[];

  constructor(scope: Construct, id: string, { zones, containers, keys, existing }: NetworkProps) {
    super(scope, id);
    const availabilityZones = zonesOf(zones);
    if (existing) {
      this.subnetIds = existing.subnetIds.slice(0, zones);
      // Whoever made it sees to it that SNS, SQS, S3, DynamoDB, Secrets Manager and, for protected fields, KMS can be reached from it.
      const { networkId: vpcId } = existing;
      this.vpc = Vpc.fromVpcAttributes(this, 'Vpc', { vpcId, availabilityZones, isolatedSubnetIds: this.subnetIds });
    } else {
      const called = {
        ...CALLED_FROM_INSIDE,
        ...(containers && CALLED_BY_CONTAINERS),
        ...(keys && CALLED_FOR_KEYS),
      };
      this.vpc = this.#create(availabilityZones, called);
      this.subnetIds = this.vpc.isolatedSubnets.map(({ subnetId }) => subnetId);
    }
  }

  /** No NAT: what runs in here reaches the services named here and nothing else. */
  #create(availabilityZones: string[], called: Readonly<Record<string, InterfaceVpcEndpointAwsService>>): IVpc {
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr('10.20.0.0/16'),
      availabilityZones,
      natGateways: 0,
      subnetConfiguration: [{ name: 'private', ...PRIVATE, cidrMask: 20 }],
      // It would take a helper function; nothing here is in the default group.
      restrictDefaultSecurityGroup: false,
    }) as IVpc;
    vpc.addGatewayEndpoint('S3', { service: GatewayVpcEndpointAwsService.S3 });
    vpc.addGatewayEndpoint('DynamoDb', { service: GatewayVpcEndpointAwsService.DYNAMODB });
    for (const [name, service] of Object.entries(called)) {
      vpc.addInterfaceEndpoint(name, { service, subnets: PRIVATE });
    }
    return vpc;
  }
}

/** Said rather than looked up, so that a synthesis needs no account. */
export const zonesOf = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => Fn.select(index, Fn.getAzs()));

export const PRIVATE = { subnetType: SubnetType.PRIVATE_ISOLATED };

/** An interface endpoint costs by the hour and zone, so only for what a function in the network calls. */
const CALLED_FROM_INSIDE = {
  /** The relay publishes; the operations function asks who listens, when it erases. */
  Sns: InterfaceVpcEndpointAwsService.SNS,
  /** The relay parks rows; projectors of search defer messages and keep failed ones. */
  Sqs: InterfaceVpcEndpointAwsService.SQS,
  /** The migrations read the owner's password. */
  SecretsManager: InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
};

/** A function's image and logs come and go without it. */
const CALLED_BY_CONTAINERS = {
  EcrApi: InterfaceVpcEndpointAwsService.ECR,
  EcrDocker: InterfaceVpcEndpointAwsService.ECR_DOCKER,
  Logs: InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
};

/** Queries and operations open what is sealed. */
const CALLED_FOR_KEYS = { Kms: InterfaceVpcEndpointAwsService.KMS };

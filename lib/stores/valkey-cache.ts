import { Duration, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type IVpc, Port, SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { CfnServerlessCache, CfnUser, CfnUserGroup } from 'aws-cdk-lib/aws-elasticache';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { EnvironmentOf, valkeyVariables } from '../../core/environment.ts';
import { VALKEY_ACCESS } from '../../core/permission-keys.ts';
import type { StoreContract } from '../../core/store-contract.ts';
import type { BundledFunction, Placement } from '../bundled-function.ts';
import { tagWithRole } from '../data-role.ts';
import type { Names } from '../names.ts';
import { zonesOf } from '../network.ts';
import type { Preset } from '../presets.ts';
import type { SharedValues } from '../shared-values.ts';
import { addValkeyAlarms } from '../valkey-alarms.ts';
import type { AnswerCache } from './answer-cache.ts';

export interface ValkeyCacheProps {
  readonly contract: StoreContract;
  readonly shared: SharedValues;
  readonly names: Names;
  readonly preset: Preset;
  readonly alarmTopic: ITopic;
}

const PORT = 6379;
const MAJOR_VERSION = '8';
/** Some thousand people's permissions are a megabyte; what the service bills least is a tenth of this. */
const MOST_GIGABYTES = 1;
/** Units of a kilobyte a second: the whole API takes 200 requests a second, each with a few of them. The least to be set. */
const MOST_UNITS_A_SECOND = 1000;
const PENDING_DAYS = 7;

/**
 * A serverless cache of ElastiCache in the canonical store's network: over TLS, entered by IAM as one user who can do what
 * the cache's code does. Kept nowhere else: it has no snapshots, and begins empty.
 */
export class ValkeyCache extends Construct implements AnswerCache {
  readonly variables: EnvironmentOf<typeof valkeyVariables>;
  readonly placement: Placement;
  readonly #cacheArn: string;
  readonly #userArn: string;

  constructor(scope: Construct, id: string, props: ValkeyCacheProps) {
    super(scope, id);
    const { contract, shared, names, preset } = props;
    // Begins with what begins every name; and for IAM a user's id has to be the user's name.
    const name = names.table(contract.store_name);
    const subnetIds = Fn.split(',', shared.read(this, 'subnetIds'), preset.zones);
    const vpc = Vpc.fromVpcAttributes(this, 'Network', {
      vpcId: shared.read(this, 'vpcId'),
      availabilityZones: zonesOf(preset.zones),
    });
    const groups = this.#groups(vpc);
    const user = new CfnUser(this, 'User', {
      engine: 'valkey',
      userId: name,
      userName: name,
      accessString: VALKEY_ACCESS,
      authenticationMode: { Type: 'iam' },
    });
    const cache = this.#cache(name, user, { subnetIds, securityGroupIds: [groups.cache.securityGroupId] });
    tagWithRole(this, contract);
    addValkeyAlarms(this, { ...props, cacheName: name, mostGigabytes: MOST_GIGABYTES });
    this.#cacheArn = cache.attrArn;
    this.#userArn = user.attrArn;
    this.placement = { subnetIds, securityGroupIds: [groups.clients.securityGroupId] };
    this.variables = {
      VALKEY_URL: `rediss://${cache.attrEndpointAddress}:${cache.attrEndpointPort}`,
      VALKEY_CACHE: name,
      VALKEY_USER: name,
    };
  }

  allowUse(fn: BundledFunction): void {
    fn.allow(['elasticache:Connect'], [this.#cacheArn, this.#userArn]);
  }

  #groups(vpc: IVpc) {
    const clients = new SecurityGroup(this, 'Clients', {
      vpc,
      description: 'May connect to the cache',
      allowAllOutbound: false,
    });
    const cache = new SecurityGroup(this, 'Nodes', { vpc, description: 'The cache', allowAllOutbound: false });
    cache.addIngressRule(clients, Port.tcp(PORT));
    clients.addEgressRule(cache, Port.tcp(PORT));
    return { clients, cache };
  }

  #cache(
    serverlessCacheName: string,
    user: CfnUser,
    place: Pick<ConstructorParameters<typeof CfnServerlessCache>[2], 'subnetIds' | 'securityGroupIds'>,
  ): CfnServerlessCache {
    const key = new Key(this, 'Key', {
      description: `What ${serverlessCacheName} keeps`,
      enableKeyRotation: true,
      pendingWindow: Duration.days(PENDING_DAYS),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const group = new CfnUserGroup(this, 'Users', {
      engine: 'valkey',
      userGroupId: serverlessCacheName,
      userIds: [user.ref],
    });
    const cache = new CfnServerlessCache(this, 'Cache', {
      engine: 'valkey',
      majorEngineVersion: MAJOR_VERSION,
      serverlessCacheName,
      description: `${Stack.of(this).stackName}: what people may do, for a few seconds`,
      userGroupId: group.ref,
      kmsKeyId: key.keyArn,
      cacheUsageLimits: {
        dataStorage: { maximum: MOST_GIGABYTES, unit: 'GB' },
        ecpuPerSecond: { maximum: MOST_UNITS_A_SECOND },
      },
      ...place,
    });
    cache.applyRemovalPolicy(RemovalPolicy.DESTROY);
    return cache;
  }
}

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import {
  CfnCluster,
  CfnService,
  ContainerImage,
  CpuArchitecture,
  FargateTaskDefinition,
  LogDrivers,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Permitted, Placement } from './bundled-function.ts';
import { RELAY_ROLE } from './canonical-access.ts';
import type { RelayProcessProps } from './relay-function.ts';

/** A quarter of a processor streams some thousand changes a second. */
const CPU_UNITS = 256;
const MEMORY_MEBIBYTES = 512;
/** What a relay needs to publish what it has in hand, many times over; then the container is killed. */
const STOP_SECONDS = 30;
const AUTHORITIES = '/etc/ssl/rds.pem';

/** Built when it is deployed, not when it is synthesised: that needs neither Docker nor a network. */
const DOCKERFILE = `FROM public.ecr.aws/docker/library/node:24-slim
ADD --chmod=444 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem ${AUTHORITIES}
COPY index.mjs /relay/
USER node
CMD ["node", "--enable-source-maps", "--input-type=module", "--eval", "await (await import('/relay/index.mjs')).serve()"]
`;

/**
 * The relay as one long-lived Fargate task. A deployment starts the next one beside it, which stands by until the slot is
 * free. Declared without the L2 service, which would have to look the network up.
 */
export class RelayService extends Construct implements Permitted {
  readonly #task: FargateTaskDefinition;

  constructor(scope: Construct, id: string, props: RelayProcessProps) {
    super(scope, id);
    const { source, names } = props;
    this.#task = this.#defineTask(props);
    const cluster = new CfnCluster(this, 'Cluster', {
      clusterName: names.stack('relay'),
      clusterSettings: [{ name: 'containerInsights', value: 'enabled' }],
    });
    const service = new CfnService(this, 'Service', {
      cluster: cluster.ref,
      serviceName: names.stack('relay'),
      taskDefinition: this.#task.taskDefinitionArn,
      launchType: 'FARGATE',
      desiredCount: 1,
      deploymentConfiguration: {
        minimumHealthyPercent: 100,
        maximumPercent: 200,
        deploymentCircuitBreaker: { enable: true, rollback: true },
      },
      networkConfiguration: { awsvpcConfiguration: { ...networkOf(source.placement!), assignPublicIp: 'DISABLED' } },
      propagateTags: 'SERVICE',
    });
    service.node.addDependency(this.#task.taskRole);
  }

  allow(...[actions, resources, conditions = {}]: Parameters<Permitted['allow']>): void {
    const statement = { actions: [...actions], resources: [...resources], conditions };
    this.#task.addToTaskRolePolicy(new PolicyStatement(statement));
  }

  #defineTask({ source, bundle, names, preset, environment }: RelayProcessProps): FargateTaskDefinition {
    writeFileSync(join(bundle.folder, 'Dockerfile'), DOCKERFILE);
    const task = new FargateTaskDefinition(this, 'Task', {
      family: names.stack('relay'),
      cpu: CPU_UNITS,
      memoryLimitMiB: MEMORY_MEBIBYTES,
      runtimePlatform: { cpuArchitecture: CpuArchitecture.ARM64, operatingSystemFamily: OperatingSystemFamily.LINUX },
    });
    const logGroup = new LogGroup(this, 'Logs', {
      logGroupName: `/aws/ecs/${names.stack('relay')}`,
      retention: preset.logDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const variables = { ...source.variables(RELAY_ROLE), ...environment, NODE_EXTRA_CA_CERTS: AUTHORITIES };
    task.addContainer('Relay', {
      image: ContainerImage.fromAsset(bundle.folder, {
        platform: Platform.LINUX_ARM64,
        exclude: ['*.map'],
        assetName: 'relay',
      }),
      environment: Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, value ?? ''])),
      logging: LogDrivers.awsLogs({ logGroup, streamPrefix: 'relay' }),
      readonlyRootFilesystem: true,
      stopTimeout: Duration.seconds(STOP_SECONDS),
    });
    return task;
  }
}

const networkOf = ({ subnetIds, securityGroupIds }: Placement) => ({
  subnets: subnetIds,
  securityGroups: securityGroupIds,
});

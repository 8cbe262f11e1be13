import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type IGrantable, type IPrincipal, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type CfnFunction,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Bundle } from './bundles.ts';

/** Where a function runs that has to reach something inside a network. */
export interface Placement {
  readonly subnetIds: string[];
  readonly securityGroupIds: string[];
}

/** Something that runs as a role of its own, which may do nothing that was not granted. */
export interface Permitted {
  /** Lets it do exactly these things with exactly these resources. */
  allow(actions: readonly string[], resources: readonly string[], conditions?: Record<string, unknown>): void;
}

export interface BundledFunctionProps {
  readonly bundle: Bundle;
  readonly functionName: string;
  readonly description: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timeoutSeconds: number;
  readonly logDays: RetentionDays;
  /** @default 256 */
  readonly memoryMegabytes?: number;
  /** @default what the account has left */
  readonly reservedConcurrency?: number;
  /** @default no network of ours */
  readonly placement?: Placement | undefined;
}

const DEFAULT_MEMORY_MEGABYTES = 256;
/** Names an error's line in the source rather than in the bundle. */
const SOURCE_MAPS = '--enable-source-maps';

/** A function made of one of our bundles: its log group, and a role that may do nothing that was not granted. */
export class BundledFunction extends Construct implements IGrantable, Permitted {
  readonly lambda: LambdaFunction;
  /** Of the role that it runs as. */
  readonly roleArn: string;
  readonly grantPrincipal: IPrincipal;
  readonly #role: Role;

  constructor(scope: Construct, id: string, props: BundledFunctionProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Logs', {
      logGroupName: `/aws/lambda/${props.functionName}`,
      retention: props.logDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.#role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.grantPrincipal = this.#role;
    this.roleArn = this.#role.roleArn;
    logGroup.grantWrite(this.#role);
    this.lambda = new LambdaFunction(this, 'Function', {
      functionName: props.functionName,
      description: props.description,
      code: Code.fromAsset(props.bundle.folder, { assetHash: props.bundle.hash }),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      role: this.#role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      tracing: Tracing.ACTIVE,
      timeout: Duration.seconds(props.timeoutSeconds),
      memorySize: props.memoryMegabytes ?? DEFAULT_MEMORY_MEGABYTES,
      environment: { NODE_OPTIONS: SOURCE_MAPS, ...defined(props.environment) },
      ...(props.reservedConcurrency !== undefined && { reservedConcurrentExecutions: props.reservedConcurrency }),
    });
    if (props.placement) this.#place(props.placement);
    this.lambda.node.addDependency(this.#role);
  }

  allow(actions: readonly string[], resources: readonly string[], conditions: Record<string, unknown> = {}): void {
    const statement = { actions: [...actions], resources: [...resources], conditions };
    this.#role.addToPolicy(new PolicyStatement(statement));
  }

  /** By ids: a construct of CDK for a network of another stack would have to look it up. */
  #place({ subnetIds, securityGroupIds }: Placement): void {
    (this.lambda.node.defaultChild as CfnFunction).vpcConfig = { subnetIds, securityGroupIds };
    // What Lambda does in the function's name; none of it can be limited to a resource.
    this.allow(
      [
        'ec2:AssignPrivateIpAddresses',
        'ec2:CreateNetworkInterface',
        'ec2:DeleteNetworkInterface',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeSubnets',
        'ec2:UnassignPrivateIpAddresses',
      ],
      ['*'],
    );
  }
}

const defined = (environment: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined));

import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { CfnApi, CfnIntegration, CfnRoute, CfnStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { BundledFunction } from './bundled-function.ts';
import type { Names } from './names.ts';
import type { Preset } from './presets.ts';

export interface ApiDoorProps {
  readonly commands: BundledFunction;
  readonly queries: BundledFunction;
  readonly names: Names;
  readonly preset: Preset;
}

/** Of the whole API. Each person has less, in the functions. */
const REQUESTS_PER_SECOND = 200;
const BURST = 400;

/** The HTTP API before both functions: what reads goes to the queries, all else to the commands. */
export class ApiDoor extends Construct {
  readonly #api: CfnApi;

  constructor(scope: Construct, id: string, { commands, queries, names, preset }: ApiDoorProps) {
    super(scope, id);
    this.#api = new CfnApi(this, 'Http', { name: names.prefix, protocolType: 'HTTP' });
    const toCommands = this.#integration('Commands', commands);
    for (const method of ['POST', 'PUT', 'DELETE']) this.#route(method, '/{proxy+}', toCommands);
    const toQueries = this.#integration('Queries', queries);
    this.#route('GET', '/{proxy+}', toQueries);
    this.#route('POST', '/search', toQueries);
    this.#stage(names, preset);
  }

  #integration(name: string, { lambda }: BundledFunction): CfnIntegration {
    new CfnPermission(this, `${name}Called`, {
      action: 'lambda:InvokeFunction',
      functionName: lambda.functionName,
      principal: 'apigateway.amazonaws.com',
      sourceArn: Stack.of(this).formatArn({ service: 'execute-api', resource: this.#api.ref, resourceName: '*' }),
    });
    return new CfnIntegration(this, `${name}Integration`, {
      apiId: this.#api.ref,
      integrationType: 'AWS_PROXY',
      integrationUri: lambda.functionArn,
      payloadFormatVersion: '2.0',
    });
  }

  #route(method: string, path: '/{proxy+}' | '/search', { ref }: CfnIntegration): void {
    new CfnRoute(this, `Route-${method}${path === '/search' ? '-search' : ''}`, {
      apiId: this.#api.ref,
      routeKey: `${method} ${path}`,
      target: `integrations/${ref}`,
    });
  }

  #stage(names: Names, preset: Preset): void {
    const log = new LogGroup(this, 'AccessLog', {
      logGroupName: `/aws/apigateway/${names.prefix}`,
      retention: preset.logDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new CfnStage(this, 'Stage', {
      apiId: this.#api.ref,
      stageName: '$default',
      autoDeploy: true,
      defaultRouteSettings: { throttlingRateLimit: REQUESTS_PER_SECOND, throttlingBurstLimit: BURST },
      accessLogSettings: { destinationArn: log.logGroupArn, format: ACCESS_LOG },
    });
  }
}

/** Who asked what, and what became of it; no address of a case's content is in a path. */
const ACCESS_LOG = JSON.stringify({
  requestId: '$context.requestId',
  time: '$context.requestTimeEpoch',
  route: '$context.routeKey',
  status: '$context.status',
  latency: '$context.responseLatency',
  sourceIp: '$context.identity.sourceIp',
});

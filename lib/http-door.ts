import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { CfnIntegration, CfnRoute, CfnStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { BundledFunction } from './bundled-function.ts';
import type { Preset } from './presets.ts';

/** A function, and the routes that lead to it: `GET /{proxy+}`. */
export interface Routed {
  readonly name: string;
  readonly to: BundledFunction;
  readonly routes: readonly string[];
}

export interface HttpDoorProps {
  readonly apiId: string;
  /** Of the log of requests. */
  readonly name: string;
  readonly routed: readonly Routed[];
  /** Of all callers together. */
  readonly limits: { readonly requestsPerSecond: number; readonly burst: number };
  readonly preset: Preset;
}

/** What makes an HTTP API one: routes to functions, one stage with a limit, and a log of its requests. */
export class HttpDoor extends Construct {
  constructor(scope: Construct, id: string, props: HttpDoorProps) {
    super(scope, id);
    for (const { name, to, routes } of props.routed) {
      const target = this.#integration(name, to, props);
      for (const route of routes) this.#route(route, target, props);
    }
    this.#stage(props);
  }

  #integration(name: string, { lambda }: BundledFunction, { apiId }: HttpDoorProps): CfnIntegration {
    new CfnPermission(this, `${name}Called`, {
      action: 'lambda:InvokeFunction',
      functionName: lambda.functionName,
      principal: 'apigateway.amazonaws.com',
      sourceArn: Stack.of(this).formatArn({ service: 'execute-api', resource: apiId, resourceName: '*' }),
    });
    return new CfnIntegration(this, `${name}Integration`, {
      apiId,
      integrationType: 'AWS_PROXY',
      integrationUri: lambda.functionArn,
      payloadFormatVersion: '2.0',
    });
  }

  #route(routeKey: string, { ref }: CfnIntegration, { apiId }: HttpDoorProps): void {
    const id = `Route-${routeKey.replace('{proxy+}', '').replace(/[ /]+/, '-').replace(/-$/, '')}`;
    const suffix = routeKey.endsWith(' /') ? '-root' : '';
    new CfnRoute(this, id + suffix, { apiId, routeKey, target: `integrations/${ref}` });
  }

  #stage({ apiId, name, limits, preset }: HttpDoorProps): void {
    const log = new LogGroup(this, 'AccessLog', {
      logGroupName: `/aws/apigateway/${name}`,
      retention: preset.logDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new CfnStage(this, 'Stage', {
      apiId,
      stageName: '$default',
      autoDeploy: true,
      defaultRouteSettings: { throttlingRateLimit: limits.requestsPerSecond, throttlingBurstLimit: limits.burst },
      accessLogSettings: { destinationArn: log.logGroupArn, format: ACCESS_LOG },
    });
  }
}

/** Who asked what, and what became of it; neither a case's content nor a sign-in's code is in a route. */
const ACCESS_LOG = JSON.stringify({
  requestId: '$context.requestId',
  time: '$context.requestTimeEpoch',
  route: '$context.routeKey',
  status: '$context.status',
  latency: '$context.responseLatency',
  sourceIp: '$context.identity.sourceIp',
});

/** Where an HTTP API is reached. */
export const addressOf = (scope: Construct, apiId: string): string => {
  const { region, urlSuffix } = Stack.of(scope);
  return `https://${apiId}.execute-api.${region}.${urlSuffix}`;
};

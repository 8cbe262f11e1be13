import { z } from 'zod';
import { functionNameOf } from './compute.ts';
import { identityOf, kindOf } from './kind.ts';

export interface HttpIntegration {
  /** What a route's target names. */
  readonly id: string;
  /** The HTTP API that it is of. */
  readonly api: string;
  readonly functionName: string;
}

export interface HttpRoute {
  readonly method: string;
  /** `/search`, or `/{proxy+}` for every other. */
  readonly path: string;
  readonly api: string;
  readonly integration: string;
}

export const integrationKind = kindOf({
  types: ['AWS::ApiGatewayV2::Integration'],
  identify: naming => identityOf(naming, naming.id, {}),
  acts: {
    IntegrationType: z.literal('AWS_PROXY'),
    IntegrationUri: z.string(),
    PayloadFormatVersion: z.literal('2.0'),
    ApiId: z.string(),
  },
  ignores: [],
  build: ({ ApiId: api, IntegrationUri }, { id }): HttpIntegration => ({
    ...{ id, api },
    functionName: functionNameOf(IntegrationUri),
  }),
});

export const routeKind = kindOf({
  types: ['AWS::ApiGatewayV2::Route'],
  identify: naming => identityOf(naming, naming.id, {}),
  acts: {
    RouteKey: z.string().regex(/^[A-Z]+ \/(\{proxy\+\}|[\w/-]*)$/, 'is neither a fixed path nor /{proxy+}'),
    Target: z.string().regex(/^integrations\//),
    ApiId: z.string(),
  },
  ignores: [],
  build({ ApiId: api, RouteKey, Target }): HttpRoute {
    const [method = '', path = ''] = RouteKey.split(' ');
    return { method, path, api, integration: Target.slice('integrations/'.length) };
  },
});

import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
import middy from '@middy/core';
import httpRouter from '@middy/http-router';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import type { Instruments } from '../instruments.ts';
import { readRequest, refused, requestIdOf, type Surroundings, success, traceparentOf } from './http.ts';
import type { Identity } from './identity.ts';
import { Problem } from './problem.ts';
import { RateLimit } from './rate-limit.ts';
import { refusalOf } from './refusal.ts';
import type { Route } from './route.ts';

export interface FrontDoorOptions {
  readonly routes: readonly Route[];
  readonly identity: Pick<Identity, 'userOf'>;
  readonly instruments: Instruments;
  /** @default each instance has its own */
  readonly rateLimit?: Pick<RateLimit, 'take'>;
}

type Handler = (event: APIGatewayProxyEventV2, context: Context) => Promise<APIGatewayProxyStructuredResultV2>;

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** What stands between HTTP and the routes: identity, limits, reading, and the wording of what goes wrong. */
export function frontDoor({ routes, identity, instruments, rateLimit = new RateLimit() }: FrontDoorOptions): Handler {
  const { logger, metrics, tracer } = instruments;

  const enter =
    (route: Route): Handler =>
    async (event, context) => {
      const around: Surroundings = { requestId: requestIdOf(event, context), traceparent: traceparentOf(event) };
      try {
        const user = route.isOpen ? NOBODY : await identity.userOf(event.headers?.authorization);
        const { waitSeconds, headers } = await rateLimit.take(user, !route.isOpen);
        around.limits = headers;
        if (waitSeconds > 0) throw tooMany(waitSeconds);
        const actingFor = actingForOf(event);
        const request = readRequest(route, event, context);
        metrics.addMetric('api_request_count', MetricUnit.Count, 1);
        const answer = await route.run({ ...request, caller: { user, actingFor, traceparent: around.traceparent } });
        return success(answer, around);
      } catch (error) {
        const problem = error instanceof Problem ? error : refusalOf(error);
        report(route.name, problem, around.requestId);
        return refused(problem, around);
      }
    };

  function report(name: string, { code, status, more }: Problem, requestId: string): void {
    metrics.addMetric(status >= 500 ? 'api_error_count' : 'api_refusal_count', MetricUnit.Count, 1);
    // The kind of what went wrong, never its message: that of a database error may quote a row.
    if (status < 500) logger.info('refused', { route: name, code, requestId });
    else logger.error('failed', { route: name, code, requestId, cause: kindOf(more.cause) });
  }

  const router = httpRouter({
    routes: routes.map(route => ({ method: route.method, path: route.path, handler: enter(route) as never })),
    notFoundResponse: (() => noSuchRoute) as never,
  });

  return middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>()
    .use(injectLambdaContext(logger))
    .use(captureLambdaHandler(tracer, { captureResponse: false }))
    .use(logMetrics(metrics))
    .handler(async (event, context) => {
      // Whatever way the gateway came by, the parameters are those of our own routes.
      const mine = { ...event, pathParameters: undefined };
      const answer = (await router(mine as never, context, undefined as never)) as unknown;
      if (answer !== noSuchRoute) return answer as APIGatewayProxyStructuredResultV2;
      const around = { requestId: requestIdOf(event, context), traceparent: traceparentOf(event) };
      return refused(new Problem('not-found', 'the API has no such route: see /openapi.json'), around);
    }) as Handler;
}

/** Stands for all who say not who they are. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

const tooMany = (retryAfter: number): Problem =>
  new Problem('too-many-requests', `you have sent more requests than one person may: come again in ${retryAfter} s`, {
    retryAfter,
  });

const noSuchRoute = Symbol('no such route');

function actingForOf({ headers }: APIGatewayProxyEventV2): string | undefined {
  const given = headers?.['acting-for'];
  if (given === undefined || UUID.test(given)) return given?.toLowerCase();
  throw new Problem('request-malformed', 'the header acting-for is the id of a company');
}

const kindOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return 'unknown';
  const { code } = cause as Error & { code?: unknown };
  return [cause.name, typeof code === 'string' ? code : undefined].filter(Boolean).join(' ');
};

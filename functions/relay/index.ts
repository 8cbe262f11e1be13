import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
import middy from '@middy/core';
import { relayUntil, tools } from './relaying.ts';

/** Before its time limit the function publishes what it has in hand and frees the slot; the successor waits for that. */
const LEAVE_BEFORE_END_MS = 20_000;

/** Relays until shortly before the time limit. Started by a schedule, which most often finds one running. */
export const handler = middy<unknown, { readonly ended: string }>()
  .use(injectLambdaContext(tools.logger))
  .use(captureLambdaHandler(tools.tracer, { captureResponse: false }))
  .handler(async (_event, context) => {
    const left = context.getRemainingTimeInMillis() - LEAVE_BEFORE_END_MS;
    return { ended: await relayUntil(AbortSignal.timeout(left), new Date(Date.now() + left)) };
  });

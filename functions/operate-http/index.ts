import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { LambdaClient } from '@aws-sdk/client-lambda';
import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { JsonObject } from '../../core/change.ts';
import { consoleVariables, readEnvironment } from '../../core/environment.ts';
import type { Responsibility } from '../../core/governance/responsibility-matrix.ts';
import { issuerKeys } from '../api/state-table.ts';
import { controlTable } from '../control.ts';
import { instruments } from '../instruments.ts';
import { dynamoClient } from '../stores/dynamodb-client.ts';
import { refuse } from './answers.ts';
import { consoleDoor, type PageFile, type Searched } from './door.ts';
import { consoleFeed } from './feed.ts';
import { requestOf, resultOf } from './http-events.ts';
import { issuerClient } from './issuer-client.ts';
import { issuerEntrance, SIGNED_IN_PATH } from './issuer-entrance.ts';
import { measuredLook, type WatchedStore } from './measured-look.ts';
import { operationsClient } from './operations-client.ts';
import { sessionTable } from './session-table.ts';

/** What the console shows that is known at synthesis: part of the function's code. */
export interface ConsoleContent {
  readonly page: Readonly<Record<string, PageFile>>;
  readonly stores: readonly WatchedStore[];
  readonly responsibilities: readonly Responsibility[];
}

/** HTTP APIs wait for 30 s: an operation that takes longer goes on, and its run is on the page. */
const REQUEST_MS = 24_000;
const LIMITS = { maxAttempts: 2, requestHandler: { requestTimeout: REQUEST_MS, throwOnRequestTimeout: true } };

/** The function that serves the console: the door that local mode has too, with people of an issuer and what is measured. */
export function consoleFunction({ page, stores, responsibilities }: ConsoleContent) {
  const environment = readEnvironment(consoleVariables);
  const { CONSOLE_URL: url, API_STATE_TABLE: stateTable, GROUPS_CLAIM: claim, GROUPS_PREFIX: prefix } = environment;
  const { logger, tracer } = instruments('console');
  const dynamo = dynamoClient();
  const operations = operationsClient({
    lambda: new LambdaClient({ ...LIMITS, maxAttempts: 1 }),
    functionFor: () => environment.OPERATE_FUNCTION,
  });
  const look = measuredLook({
    cloudWatch: new CloudWatchClient(LIMITS),
    control: controlTable({ client: dynamo, tableName: environment.CONTROL_TABLE }),
    stores,
    queues: environment.WATCHED_QUEUES,
  });
  const feed = consoleFeed({ look, operations });
  const issuer = issuerClient({
    issuer: environment.OIDC_ISSUER,
    client: environment.OIDC_CLIENT,
    redirectUri: url + SIGNED_IN_PATH,
    groups: { claim, prefix },
    keys: () => issuerKeys(dynamo, stateTable),
  });
  const entrance = issuerEntrance({ issuer, sessions: sessionTable(dynamo, stateTable), url, logger });
  const door = consoleDoor({
    page: new Map(Object.entries(page)),
    origins: [new URL(url).origin],
    entrance,
    operations,
    live: () => feed.once(),
    responsibilities,
    searching: {
      as: 'self',
      ask: async (question, _, request) => search(environment.API_URL, question, await entrance.accessOf(request)),
    },
  });
  return middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>()
    .use(injectLambdaContext(logger))
    .use(captureLambdaHandler(tracer, { captureResponse: false }))
    .handler(async event => {
      try {
        return await resultOf(await door(requestOf(event, url)));
      } catch (error) {
        logger.error('the console could not answer', { error: error as Error, path: event.rawPath });
        return resultOf(refuse(503, 'store-unavailable', 'what the console asks does not answer'));
      }
    });
}

const SIGN_IN_AGAIN: Searched = { status: 401, body: { detail: 'the issuer asks you to sign in again' } };

/** The API's queries, asked with the token of who is signed in: it is for the API to say what that person may see. */
async function search(apiUrl: string, question: JsonObject, accessToken: string | undefined): Promise<Searched> {
  if (accessToken === undefined) return SIGN_IN_AGAIN;
  const answer = await fetch(`${apiUrl}/search`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(question),
    signal: AbortSignal.timeout(REQUEST_MS),
  }).catch(() => undefined);
  if (!answer) return { status: 503, body: { detail: 'the API does not answer' } };
  return { status: answer.status, body: (await answer.json()) as JsonObject };
}

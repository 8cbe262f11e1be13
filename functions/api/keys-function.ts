import { apiKeyVariables, readEnvironment } from '../../core/environment.ts';
import { customResource } from '../custom-resource.ts';
import { dynamoClient } from '../stores/dynamodb-client.ts';
import { keepIssuerKeys } from './state-table.ts';

/** An issuer that does not answer by then is asked again by the next run of the schedule. */
const TIMEOUT_MS = 10_000;

interface Discovery {
  readonly jwks_uri: string;
}

/**
 * Brings the issuer's public keys to where the API's functions find them: those run in a network that leads to no issuer. As
 * a step of the deployment and by a schedule, so that a new key is known before it is used.
 */
export function keysFunction() {
  const { OIDC_ISSUER, API_STATE_TABLE } = readEnvironment(apiKeyVariables);
  const client = dynamoClient();
  const bring = async (): Promise<void> => {
    const { jwks_uri } = (await read(
      `${OIDC_ISSUER.replace(/\/$/, '')}/.well-known/openid-configuration`,
    )) as Discovery;
    await keepIssuerKeys(client, API_STATE_TABLE, await read(jwks_uri));
  };
  const asStep = customResource(async event => {
    if (event.RequestType !== 'Delete') await bring();
    return undefined;
  });
  return (event: { readonly RequestType?: string }, context: never): Promise<void> =>
    event.RequestType === undefined ? bring() : asStep(event as never, context);
}

async function read(url: string): Promise<unknown> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!answer.ok) throw new Error(`the issuer answered ${answer.status} to ${new URL(url).pathname}`);
  return answer.json();
}

import { existsSync } from 'node:fs';
import { CREDENTIALS } from './credentials.ts';
import { LOCAL_AUDIENCE } from './issuer.ts';
import { localKeys } from './keyring.ts';
import { roleUrl } from './provisioning.ts';
import { ARN_VARIABLE, TIMEOUT_VARIABLE } from './runtime/protocol.ts';
import type { FunctionModel } from './template/compute.ts';
import { REGION } from './template/intrinsics.ts';

/** Where the servers are that functions call. */
export interface Places {
  /** SQS, SNS and S3. */
  readonly aws: string;
  readonly dynamodb: string;
  /** Lambda and CloudWatch. */
  readonly control: string;
  readonly search: string;
  readonly cache: string;
  readonly issuer: string;
  /** Where the API and the deployed console are reached. */
  readonly api: string;
  readonly console: string;
  /** Folder of the keys of protected fields. */
  readonly keys: string;
  /** Of the superuser, with the database of the template. */
  readonly database: string;
}

/**
 * A function's variables: those of its template, those of the Lambda runtime, and what differs on one machine. Nothing of
 * our own environment, so that a variable that the template forgets is missing here too.
 */
export function functionEnvironment(model: FunctionModel, places: Places): Record<string, string> {
  const given = { ...model.environment };
  const certificates = given.NODE_EXTRA_CA_CERTS;
  // Nobody logs in to the cache here.
  delete given.VALKEY_USER;
  if (certificates !== undefined && !existsSync(certificates)) delete given.NODE_EXTRA_CA_CERTS;
  return {
    ...given,
    ...servers(given, places),
    ...endpoints(places),
    ...runtime(model),
    PATH: process.env.PATH ?? '',
    TZ: ':UTC',
    POWERTOOLS_TRACE_ENABLED: 'false',
    [TIMEOUT_VARIABLE]: String(model.timeoutSeconds),
    [ARN_VARIABLE]: model.arn,
  };
}

/** On AWS a role logs in by IAM and over TLS; here by password. */
function servers(
  given: Readonly<Record<string, string>>,
  { database, search, cache, issuer, api, console, keys }: Places,
): Record<string, string> {
  const user = given.DATABASE_USER;
  return {
    ...('DATABASE_HOST' in given && { DATABASE_URL: user === undefined ? database : roleUrl(database, user) }),
    ...('OPENSEARCH_URL' in given && { OPENSEARCH_URL: search }),
    ...('VALKEY_URL' in given && { VALKEY_URL: cache }),
    ...('OIDC_ISSUER' in given && { OIDC_ISSUER: issuer }),
    ...('OIDC_AUDIENCE' in given && { OIDC_AUDIENCE: LOCAL_AUDIENCE }),
    ...('OIDC_CLIENT' in given && { OIDC_CLIENT: LOCAL_AUDIENCE }),
    ...('API_URL' in given && { API_URL: api }),
    ...('CONSOLE_URL' in given && { CONSOLE_URL: console }),
    ...(given.PROTECTION_KEYS !== undefined && {
      PROTECTION_KEYS: JSON.stringify(localKeys(given.PROTECTION_KEYS, keys)),
    }),
    // The engine is no domain of the search service, so there is nothing to ask that service.
    ...('SEARCH_DOMAIN' in given && { SEARCH_DOMAIN: '' }),
  };
}

const endpoints = ({ aws, dynamodb, control }: Places): Record<string, string> => ({
  AWS_ENDPOINT_URL_SQS: aws,
  AWS_ENDPOINT_URL_SNS: aws,
  AWS_ENDPOINT_URL_S3: aws,
  AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
  AWS_ENDPOINT_URL_LAMBDA: control,
  AWS_ENDPOINT_URL_CLOUDWATCH: control,
  AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
  AWS_REGION: REGION,
  AWS_DEFAULT_REGION: REGION,
});

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime */
const runtime = ({ name, folder, handler, memoryMegabytes }: FunctionModel): Record<string, string> => ({
  _HANDLER: handler,
  LAMBDA_TASK_ROOT: folder,
  AWS_LAMBDA_FUNCTION_NAME: name,
  AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMegabytes),
  AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
  AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
  AWS_LAMBDA_LOG_STREAM_NAME: 'local',
});

import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { Signer } from '@aws-sdk/rds-signer';
import type pg from 'pg';
import * as z from 'zod';
import { DistributaryError } from '../core/errors.ts';

/** The variables of core/environment.ts that say how to reach the canonical store, parsed. */
export interface DatabaseEnvironment {
  readonly DATABASE_URL?: string | undefined;
  readonly DATABASE_HOST?: string | undefined;
  readonly DATABASE_PORT: string;
  readonly DATABASE_NAME: string;
  readonly DATABASE_USER?: string | undefined;
  readonly DATABASE_SECRET_ARN?: string | undefined;
}

/** A writer that fails over answers nobody for some seconds; better to be told than to hang. */
const CONNECT_TIMEOUT_MS = 10_000;

const secretSchema = z.object({ username: z.string(), password: z.string() });

/**
 * How `pg` connects to the canonical store: by a whole URL, as the role of a secret, or as a role that logs in by IAM.
 * Over TLS except by URL; the function trusts Amazon's authorities by NODE_EXTRA_CA_CERTS. Throws `environment-invalid`.
 */
export async function databaseConfig(environment: DatabaseEnvironment): Promise<pg.ClientConfig> {
  const { DATABASE_URL, DATABASE_HOST, DATABASE_PORT, DATABASE_NAME, DATABASE_USER, DATABASE_SECRET_ARN } = environment;
  const common = { connectionTimeoutMillis: CONNECT_TIMEOUT_MS, keepAlive: true };
  if (DATABASE_URL !== undefined) return { ...common, connectionString: DATABASE_URL };
  if (DATABASE_HOST === undefined) {
    throw new DistributaryError('environment-invalid', 'neither DATABASE_URL nor DATABASE_HOST is set');
  }
  const port = Number(DATABASE_PORT);
  const server = { ...common, host: DATABASE_HOST, port, database: DATABASE_NAME, ssl: { rejectUnauthorized: true } };
  if (DATABASE_SECRET_ARN !== undefined) return { ...server, ...(await login(DATABASE_SECRET_ARN)) };
  if (DATABASE_USER === undefined) {
    throw new DistributaryError('environment-invalid', 'neither DATABASE_USER nor DATABASE_SECRET_ARN is set');
  }
  const signer = new Signer({ hostname: DATABASE_HOST, port, username: DATABASE_USER });
  // Asked for anew by each connection: a token is good for 15 minutes.
  return { ...server, user: DATABASE_USER, password: () => signer.getAuthToken() };
}

async function login(secretArn: string): Promise<{ user: string; password: string }> {
  const { SecretString } = await new SecretsManagerClient().send(new GetSecretValueCommand({ SecretId: secretArn }));
  const { username, password } = secretSchema.parse(JSON.parse(SecretString ?? ''));
  return { user: username, password };
}

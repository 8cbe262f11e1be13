import { createHmac } from 'node:crypto';
import {
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ResourceInUseException,
} from '@aws-sdk/client-dynamodb';
import pg from 'pg';
import { DistributaryError } from '../core/errors.ts';
import { CREDENTIALS } from './credentials.ts';
import { REGION } from './template/intrinsics.ts';
import type { Table } from './template/storage.ts';

export async function createTables(endpoint: string, tables: readonly Table[]): Promise<void> {
  const client = new DynamoDBClient({ endpoint, region: REGION, credentials: { ...CREDENTIALS } });
  try {
    await Promise.all(tables.map(table => createTable(client, table)));
  } finally {
    client.destroy();
  }
}

async function createTable(client: DynamoDBClient, { name, input }: Table): Promise<void> {
  try {
    await client.send(new CreateTableCommand(input));
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
    const { Table: existing } = await client.send(new DescribeTableCommand({ TableName: name }));
    if (keysOf(existing) === keysOf(input)) return;
    throw new DistributaryError('template-unsupported', `table ${name} has other keys or indexes than the template`, {
      hint: 'the contract has changed: start with --fresh',
    });
  }
}

interface Keyed {
  readonly KeySchema?: readonly { AttributeName?: string | undefined; KeyType?: string | undefined }[] | undefined;
  readonly GlobalSecondaryIndexes?: readonly (Keyed & { readonly IndexName?: string | undefined })[] | undefined;
}

function keysOf(table: Keyed | undefined): string {
  const keys = (keyed: Keyed) => (keyed.KeySchema ?? []).map(key => `${key.KeyType}=${key.AttributeName}`).sort();
  const indexes = (table?.GlobalSecondaryIndexes ?? []).map(index => [index.IndexName, ...keys(index)].join());
  return JSON.stringify([keys(table ?? {}), indexes.sort()]);
}

/** As the cluster of the template does: the server comes with a database of this name. */
export async function createDatabase(serverUrl: string, name: string): Promise<string> {
  const client = new pg.Client(serverUrl);
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
  return withDatabase(serverUrl, name);
}

function withDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}

/** The URL of a role that on AWS logs in by IAM. Its password follows from the server's, so that every start knows it. */
export function roleUrl(adminUrl: string, role: string): string {
  const url = new URL(adminUrl);
  url.password = createHmac('sha256', url.password).update(role).digest('base64url');
  url.username = encodeURIComponent(role);
  return url.href;
}

/** Sets the passwords of `roleUrl` for all roles that may log in, which the migrations have made. Yields their names. */
export async function allowLogins(adminUrl: string): Promise<readonly string[]> {
  const client = new pg.Client(adminUrl);
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT rolname AS name FROM pg_roles WHERE rolcanlogin AND NOT rolsuper ORDER BY rolname`,
    );
    for (const { name } of rows) {
      const password = pg.escapeLiteral(new URL(roleUrl(adminUrl, name)).password);
      await client.query(`ALTER ROLE ${pg.escapeIdentifier(name)} PASSWORD ${password}`);
    }
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

/** What PL/pgSQL says to an aggregate that `capture.touch` was not generated for. */
const CASE_NOT_FOUND = '20000';

/**
 * Has the relay publish every row of these aggregates again, in chunks beside what else it does, over restarts: the way
 * that it takes dependants whose turn is still to come. Yields how many; those that cannot be had this way are left out.
 */
export async function republish(adminUrl: string, aggregates: readonly string[]): Promise<number> {
  const client = new pg.Client(adminUrl);
  await client.connect();
  try {
    let count = 0;
    for (const aggregate of aggregates) count += await republishOne(client, aggregate);
    return count;
  } finally {
    await client.end();
  }
}

async function republishOne(client: pg.Client, aggregate: string): Promise<number> {
  try {
    await client.query("SELECT capture.touch($1, '{}')", [aggregate]);
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === CASE_NOT_FOUND) return 0;
    throw error;
  }
  const { rowCount } = await client.query(
    `INSERT INTO canonical.dependants_skipped (aggregate, key)
     SELECT aggregate, id FROM canonical.identifiers WHERE aggregate = $1 ON CONFLICT DO NOTHING`,
    [aggregate],
  );
  return rowCount ?? 0;
}

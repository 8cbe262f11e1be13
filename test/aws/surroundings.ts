import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { openDataFolder } from '../../local/data-folder.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import { startIssuer } from '../../local/issuer.ts';
import { startPostgres } from '../../local/postgres.ts';
import { allowLogins, createDatabase, roleUrl } from '../../local/provisioning.ts';
import { startSearch } from '../../local/search/index.ts';

/** What no emulator has an engine for: the database and the search domain that a deployment is told of. */
export interface Surroundings {
  /** Of the superuser. */
  readonly databaseUrl: string;
  readonly relayDatabaseUrl: string;
  readonly search: Endpoints['opensearch'];
  /** An OIDC issuer. */
  readonly issuerUrl: string;
  /** One line: which engines. */
  readonly description: string;
  stop(): Promise<void>;
}

const DATABASE = 'distributary';
const RELAY = 'distributary_relay';
/** Those that log in: canonical/001-roles.sql. */
export const ROLES = ['distributary_app', RELAY, 'distributary_reader'];

/** Search is the stand-in: what real OpenSearch makes of the projector's requests is tested in local mode. */
export async function startSurroundings(onLog: (line: string) => void): Promise<Surroundings> {
  const folder = mkdtempSync(join(tmpdir(), 'distributary-surroundings-'));
  // Last in, first out: the folder goes when nobody writes to it any more.
  const stops: (() => Promise<void>)[] = [async () => rmSync(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (let step = stops.pop(); step; step = stops.pop()) await step();
  };
  const kept = async <S extends { stop(): Promise<void> }>(starting: Promise<S>): Promise<S> => {
    const server = await starting;
    stops.push(() => server.stop());
    return server;
  };
  const started = await Promise.allSettled([
    kept(startPostgres({ dataDir: join(folder, 'postgres'), onLog: () => {} })),
    kept(startSearch({ dataDir: join(folder, 'search'), choice: 'embedded', onLog })),
  ]);
  try {
    const [postgres, engine] = started.map(result => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    }) as [Awaited<ReturnType<typeof startPostgres>>, Awaited<ReturnType<typeof startSearch>>];
    const databaseUrl = await createDatabase(postgres.url, DATABASE);
    await admitRoles(databaseUrl);
    const data = openDataFolder(join(folder, 'issuer'));
    stops.push(async () => data.close());
    const issuer = await startIssuer(0, data);
    stops.push(async () => issuer.stop());
    const { url, kind, version, reason } = engine;
    return {
      databaseUrl,
      relayDatabaseUrl: roleUrl(databaseUrl, RELAY),
      search: { url, kind, version },
      issuerUrl: issuer.url,
      description: `PostgreSQL 17 at port ${postgres.port}; ${reason} at ${url}`,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Roles log in by IAM on AWS, by password here. The migrations leave alone those that are there. */
async function admitRoles(databaseUrl: string): Promise<void> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    for (const role of ROLES) await client.query(`create role ${role} login`);
  } finally {
    await client.end();
  }
  await allowLogins(databaseUrl);
}

import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import pg from 'pg';
import type { Target } from '../../core/store.ts';
import type { Control } from '../../functions/control.ts';
import { inFlight } from '../../functions/in-flight.ts';
import { counting, manifest } from '../../functions/stores/parquet-manifest.ts';
import { bucketObjects, FILES_IN_FLIGHT } from '../../functions/stores/parquet-objects.ts';

/** What DuckDB finds in the Parquet files of a target, without any code of ours. */
export interface FactsView {
  /** Aggregates whose newest fact is alive and shown. */
  readonly documents: number;
  /** Versions in the outbox, which has the last days, and those of them that no fact has. */
  readonly versions: number;
  readonly missingVersions: number;
  /** The first of them. */
  readonly missingExamples: readonly { readonly key: string; readonly version: number }[];
}

export interface FactsPlace {
  readonly s3: S3Client;
  readonly control: Control;
  readonly bucket: string;
  readonly target: Target;
}

const SHOWN_EXAMPLES = 10;
/** Rows of the outbox in memory at once. */
const PAGE_ROWS = 5000;

export async function viewFacts(
  place: FactsPlace,
  outboxUrl: string,
  aggregates: readonly string[],
): Promise<FactsView> {
  const folder = mkdtempSync(join(tmpdir(), 'distributary-facts-'));
  const instance = await DuckDBInstance.create(join(folder, 'facts.duckdb'));
  const connection = await instance.connect();
  try {
    await connection.run(factsTable(await download(place, folder)));
    const newest = 'select arg_max(not deleted and not hidden, version) as shown from facts group by key';
    const documents = await single(connection, `select count(*) from (${newest}) where shown`);
    return { documents, ...(await missingVersions(connection, outboxUrl, aggregates)) };
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The files that count, each as an object of the bucket; listed again when an erasure takes one away meanwhile. */
async function download(place: FactsPlace, folder: string): Promise<readonly string[]> {
  for (;;) {
    try {
      return await downloadListed(place, folder);
    } catch (error) {
      if ((error as Error).name !== 'NoSuchKey') throw error;
    }
  }
}

async function downloadListed({ s3, control, bucket, target }: FactsPlace, folder: string): Promise<readonly string[]> {
  const files = counting(await manifest(control, bucketObjects(s3, bucket)).entries(target));
  const paths = files.map((_, index) => join(folder, `${index}.parquet`));
  await inFlight(files, FILES_IN_FLIGHT, async ({ object }, index) => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: object }));
    await pipeline(Body as Readable, createWriteStream(paths[index]!));
  });
  return paths;
}

/** Only what is asked for is read out of the files; one fact may be in two of them. */
function factsTable(paths: readonly string[]): string {
  if (paths.length === 0) return 'create table facts (key uuid, version bigint, deleted boolean, hidden boolean)';
  const list = paths.map(path => `'${path.replaceAll("'", "''")}'`).join(', ');
  return `create table facts as select distinct key, version, deleted, hidden from read_parquet([${list}])`;
}

async function missingVersions(
  connection: DuckDBConnection,
  outboxUrl: string,
  aggregates: readonly string[],
): Promise<Omit<FactsView, 'documents'>> {
  await connection.run('create table outbox (key varchar, version bigint)');
  await copyOutbox(connection, outboxUrl, aggregates);
  await connection.run(`
    create table missing as
      select key, version from outbox where not exists
        (select 1 from facts where facts.key::varchar = outbox.key and facts.version = outbox.version)`);
  const sample = await connection.runAndReadAll(
    `select key, version from missing order by all limit ${SHOWN_EXAMPLES}`,
  );
  return {
    versions: await single(connection, 'select count(*) from outbox'),
    missingVersions: await single(connection, 'select count(*) from missing'),
    missingExamples: sample.getRows().map(([key, version]) => ({ key: String(key), version: Number(version) })),
  };
}

async function copyOutbox(
  connection: DuckDBConnection,
  outboxUrl: string,
  aggregates: readonly string[],
): Promise<void> {
  const client = new pg.Client({ connectionString: outboxUrl });
  await client.connect();
  const appender = await connection.createAppender('outbox');
  try {
    await client.query('begin read only');
    const select = 'select aggregate_id as key, version from canonical.outbox where aggregate = any ($1)';
    await client.query(`declare versions no scroll cursor for ${select}`, [aggregates]);
    for (;;) {
      const { rows } = await client.query<{ key: string; version: string }>(`fetch ${PAGE_ROWS} from versions`);
      for (const { key, version } of rows) {
        appender.appendVarchar(key);
        appender.appendBigInt(BigInt(version));
        appender.endRow();
      }
      if (rows.length < PAGE_ROWS) break;
    }
  } finally {
    appender.closeSync();
    await client.end();
  }
}

async function single(connection: DuckDBConnection, sql: string): Promise<number> {
  const result = await connection.runAndReadAll(sql);
  return Number(result.getRows()[0]![0]);
}

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { importComplaints } from '../bin/complaints/importing.ts';
import { localDestination } from '../bin/complaints/local-destination.ts';
import { SAMPLE } from '../bin/complaints/sample.ts';
import type { Endpoints } from '../local/endpoints.ts';

/** Imports the first rows of the sample into a running local mode; the file lies in its folder. */
export async function importSome(endpoints: Endpoints, dataDir: string, rows: number): Promise<void> {
  const file = join(dataDir, 'some.csv');
  const lines = readFileSync(SAMPLE, 'utf8').split('\r\n');
  writeFileSync(file, lines.slice(0, rows + 1).join('\r\n'));
  await importComplaints({ file, ...(await localDestination(endpoints)) });
}

/** Work on its canonical store, with every right. */
export async function onCanonical<T>({ postgres }: Endpoints, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(postgres.url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

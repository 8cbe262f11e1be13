import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Lsn, parseLsn } from '../../core/lsn.ts';
import { migrate } from '../../functions/migrate/migrate.ts';
import { readScripts } from '../../functions/migrate/scripts.ts';
import { dropSlot } from '../../functions/relay/slot.ts';
import { PACKAGE } from '../../lib/entry-points.ts';
import { startPostgres } from '../../local/postgres.ts';

export const PUBLICATION = 'distributary_outbox';

/** A part of the write-ahead log with outbox rows and nothing else, and a slot that stands at its beginning. */
export interface Stretch {
  readonly rowsPerTransaction: number;
  readonly rows: number;
  /** Of one state. */
  readonly stateBytes: number;
  readonly slot: string;
  readonly end: Lsn;
}

/** A canonical store whose log is read again and again, each time through a slot of its own. */
export interface Wal {
  readonly url: string;
  /** Of the server. */
  readonly version: string;
  /** Writes so many outbox rows. */
  stretch(rows: number, rowsPerTransaction: number): Promise<Stretch>;
  /** Calls `read` with the name of a slot that stands where the stretch begins. */
  withSlot<T>(stretch: Stretch, read: (slot: string) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export async function openWal(): Promise<Wal> {
  const dataDir = mkdtempSync(join(tmpdir(), 'distributary-bench-'));
  // The log is what it is with a slow disk too, and there sooner.
  const settings = { fsync: 'off', synchronous_commit: 'off' };
  const server = await startPostgres({ dataDir, settings, onLog: () => {} });
  const { url } = server;
  const client = new pg.Client({ connectionString: url });
  const close = async () => {
    await client.end().catch(() => {});
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    await client.connect();
    await migrate({ connectionString: url }, readScripts(join(PACKAGE, 'canonical')));
    await client.query(SEED);
    const { rows } = await client.query<{ version: string }>(`select current_setting('server_version') as version`);
    return { url, version: rows[0]!.version, ...readingOf(client), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function readingOf(client: pg.Client): Pick<Wal, 'stretch' | 'withSlot'> {
  let slots = 0;
  return {
    async stretch(rows, rowsPerTransaction) {
      const slot = `bench_${rowsPerTransaction}`;
      await client.query(`select pg_create_logical_replication_slot($1, 'pgoutput')`, [slot]);
      await client.query(write(rows, rowsPerTransaction));
      const { rows: written } = await client.query<{ end: string; bytes: number }>(
        `select pg_current_wal_insert_lsn()::text as end,
                (select avg(octet_length(payload::text))::int from canonical.outbox) as bytes`,
      );
      const { end, bytes } = written[0]!;
      return { rowsPerTransaction, rows, stateBytes: bytes, slot, end: parseLsn(end) };
    },
    async withSlot(stretch, read) {
      const slot = `${stretch.slot}_${++slots}`;
      await client.query('select pg_copy_logical_replication_slot($1, $2)', [stretch.slot, slot]);
      try {
        return await read(slot);
      } finally {
        await dropSlot(client, slot);
      }
    },
  };
}

/** A case as an investigator would have it; its state is what capture makes of it. */
const SEED = `
  set search_path = canonical;
  insert into tenants (id, name, kind) values ('00000000-0000-4000-8000-000000000001', 'Acme Bank', 'company');
  insert into cases (tenant_id, title, product, sub_product, issue, us_state, zip, submitted_via, status, received_on)
    values ('00000000-0000-4000-8000-000000000001', 'Incorrect information on your report', 'Credit reporting',
            'Credit reporting', 'Incorrect information on your report', 'FL', '33127', 'Web', 'received', '2023-08-25')`;

/** Straight into the outbox: what capture writes besides is skipped by the server, and would make its work easier to follow. */
const write = (rows: number, rowsPerTransaction: number): string => `
  do $$
  declare
    subject record;
  begin
    select tenant_id, id, capture.case_state(tenant_id, id) as state into subject from canonical.cases limit 1;
    for n in 1 .. ${rows / rowsPerTransaction} loop
      insert into canonical.outbox
          (tenant_id, aggregate, aggregate_id, version, change, lane, schema_version, digest, payload)
        select subject.tenant_id, 'case', gen_random_uuid(), n, 'updated', 'standard', 1, n, subject.state
          from generate_series(1, ${rowsPerTransaction});
      commit;
    end loop;
  end $$`;

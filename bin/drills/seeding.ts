import pg from 'pg';

/** Rows of one transaction. */
const CHUNK_ROWS = 1_000;

/**
 * Makes cases out of those that there are, over and over with other ids, until there are so many. Their parties are left
 * out: what a document costs is its text. Past capture, which would send each of them through the pipeline: a backfill
 * brings them into a store.
 */
export async function seedCases(
  databaseUrl: string,
  total: number,
  onProgress: (cases: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    let there = await countOf(client);
    while (there < total && !signal.aborted) {
      await client.query('begin');
      await client.query(`set local session_replication_role = 'replica'`);
      const { rowCount } = await client.query(COPIES, [Math.min(CHUNK_ROWS, total - there), `copy ${there}-`]);
      await client.query('commit');
      there += rowCount ?? 0;
      onProgress(there);
    }
    await client.query('analyze canonical.cases, canonical.identifiers');
  } finally {
    await client.end();
  }
}

async function countOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: string }>('select count(*) from canonical.cases');
  return Number(rows[0]!.count);
}

/** With what the triggers would have noted of each, so that its deletion is known for one. */
const COPIES = `
  with copied as (
    insert into canonical.cases (tenant_id, reference, title, product, sub_product, issue, sub_issue, narrative, tags,
                                 us_state, zip, submitted_via, status, priority, received_on, version, change)
      select tenant_id, $2 || row_number() over (), title, product, sub_product, issue, sub_issue, narrative, tags,
             us_state, zip, submitted_via, 'received', priority, received_on, 1, 'created'
        from canonical.cases where reference is not null limit $1
    returning id, tenant_id
  )
  insert into canonical.identifiers (id, aggregate, tenant_id) select id, 'case', tenant_id from copied`;

import pg from 'pg';

/** Rows of one transaction. */
const CHUNK_ROWS = 1_000;

/**
 * Makes cases out of those that there are, over and over with other ids, until there are so many. Their parties are left
 * out: what a document costs is its text.
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
      const { rowCount } = await client.query(COPIES, [Math.min(CHUNK_ROWS, total - there), `copy ${there}-`]);
      there += rowCount ?? 0;
      onProgress(there);
    }
  } finally {
    await client.end();
  }
}

async function countOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: string }>('select count(*) from canonical.cases');
  return Number(rows[0]!.count);
}

const COPIES = `
  insert into canonical.cases (tenant_id, reference, title, product, sub_product, issue, sub_issue, narrative, tags,
                               us_state, zip, submitted_via, status, priority, received_on)
    select tenant_id, $2 || row_number() over (), title, product, sub_product, issue, sub_issue, narrative, tags,
           us_state, zip, submitted_via, 'received', priority, received_on
      from canonical.cases where reference is not null limit $1`;

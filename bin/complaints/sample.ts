import { join } from 'node:path';
import pg from 'pg';
import { PACKAGE } from '../../lib/entry-points.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import { onCanonical } from './on-canonical.ts';

/** Real complaints that come with the package; their provenance stands beside them. */
export const SAMPLE = join(PACKAGE, 'examples', 'consumer-complaints', 'consumer-complaints-2023.csv');

export async function hasNoCases({ postgres }: Endpoints): Promise<boolean> {
  const client = new pg.Client({ connectionString: postgres.url });
  await onCanonical(() => client.connect());
  try {
    const { rows } = await client.query<{ empty: boolean }>('select not exists (select from canonical.cases) as empty');
    return rows[0]!.empty;
  } finally {
    await client.end();
  }
}

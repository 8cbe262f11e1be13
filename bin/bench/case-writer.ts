import pg from 'pg';
import type { Endpoints } from '../../local/endpoints.ts';
import { clock, type Written } from './observer.ts';

/** One connection that updates cases as a supervisor's command would. */
export interface CaseWriter {
  /** All in one transaction. */
  update(ids: readonly string[]): Promise<readonly Written[]>;
  close(): Promise<void>;
}

export async function openCaseWriter({ postgres }: Endpoints, actor: string): Promise<CaseWriter> {
  const client = new pg.Client({ connectionString: postgres.roles.distributary_app! });
  await client.connect();
  let days = 0;
  return {
    async update(ids) {
      days = (days + 1) % 365;
      const list = ids.map(pg.escapeLiteral).join(', ');
      const results = (await client.query(
        `begin; select act_as(${pg.escapeLiteral(actor)});
         update cases set due_on = date '2026-01-01' + ${days} where id in (${list}) returning id, version`,
      )) as unknown as readonly pg.QueryResult<{ id: string; version: string }>[];
      const at = clock();
      await client.query('commit');
      return results.at(-1)!.rows.map(({ id, version }) => ({ id, version: Number(version), at }));
    },
    close: () => client.end(),
  };
}

/** All cases, in an order that has nothing to do with how they are stored. */
export async function caseIds({ postgres }: Endpoints): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string }>('select id from canonical.cases order by id');
    return rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}

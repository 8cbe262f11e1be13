import { createHash } from 'node:crypto';
import type { Canonical } from './canonical-fixture.ts';

/** What captured transactions look like, for the tests that make them and read what they leave. */

export interface OutboxRow {
  readonly id: number;
  readonly tenant_id: string;
  readonly aggregate: string;
  readonly aggregate_id: string;
  readonly version: number;
  readonly change: string;
  readonly lane: string;
  readonly schema_version: number;
  readonly deleted: boolean;
  readonly digest: number;
  readonly traceparent: string | null;
  readonly text: string | null;
}

export const outboxOf = (db: Canonical, key: string) =>
  db.sql<OutboxRow>('select *, payload::text as text from outbox where aggregate_id = $1 order by id', [key]);

/** The digest as core/change.ts defines it, made here of what the row says. */
export const digestOf = (key: string, version: number, text: string) =>
  Math.max(1, Number.parseInt(createHash('md5').update(`${key}@${version}@${text}`).digest('hex').slice(0, 8), 16));

export type Statement = string | [text: string, values: unknown[]];

/** The statements in one transaction, on a connection of their own. */
export async function transaction(db: Canonical, statements: readonly Statement[]): Promise<void> {
  const client = await db.connect();
  await client.query('begin');
  for (const statement of statements) {
    if (typeof statement === 'string') await client.query(statement);
    else await client.query(...statement);
  }
  await client.query('commit');
}

/** Of a tenant ($1) and a case ($2); the link and the assignment of a third. */
export const addTask = `insert into tasks (tenant_id, case_id, title) values ($1, $2, 'Call')`;
export const addEvidence = `insert into evidence (tenant_id, case_id, sha256, media_type, size_bytes, title)
  values ($1, $2, sha256(gen_random_uuid()::text::bytea), 'text/plain', 1, 'Letter')`;
export const link = `insert into case_parties (tenant_id, case_id, party_id, role) values ($1, $2, $3, 'respondent')`;
export const assign = 'insert into assignments (tenant_id, case_id, investigator_id) values ($1, $2, $3)';
export const decide = `insert into decisions (tenant_id, case_id, kind, summary, decided_at)
  values ($1, $2, 'reopening', 'New facts', now() + interval '1 minute')`;
export const hold = `insert into legal_holds (tenant_id, case_id, reason) values ($1, $2, 'Litigation')`;

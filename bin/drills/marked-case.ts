import { createHash, randomUUID } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import pg from 'pg';
import { DistributaryError } from '../../core/errors.ts';
import { encodeChange, encodePack, MAX_INLINE_STATE_BYTES } from '../../core/pack.ts';
import { type AggregateId, storedVersion, type TenantId } from '../../core/version.ts';
import { eraseFailed } from '../../functions/operate/erase/erase-queues.ts';
import { sendToFailedQueue } from '../../functions/projector/failed-queue.ts';
import { s3Client } from '../../functions/stores/s3-client.ts';
import type { Endpoints } from '../../local/endpoints.ts';

/** A case that has a marker in all that it has, so that it can be looked for wherever it went. */
export interface MarkedCase {
  readonly id: string;
  readonly tenant: string;
  readonly marker: string;
}

/** Commits a closed case whose state is too large for a message, with a person, evidence, a decision and reasons. */
export async function commitMarkedCase({ postgres }: Endpoints): Promise<MarkedCase> {
  const client = new pg.Client(postgres.url);
  await client.connect();
  const run = (text: string, values: readonly unknown[]) => client.query(text, [...values]);
  const [id, tenant, person] = [randomUUID(), randomUUID(), randomUUID()];
  const marker = `Marigold-${id.slice(0, 8)}`;
  try {
    await run('set search_path = canonical', []);
    await run(`insert into tenants (id, name, kind) values ($1, 'Erasure drill', 'company')`, [tenant]);
    await run('begin', []);
    await run(
      `insert into cases (id, tenant_id, title, product, issue, narrative, status)
        values ($1, $2, $3, $3, $3, $4, 'received')`,
      [id, tenant, marker, `${marker} `.repeat(Math.ceil(MAX_INLINE_STATE_BYTES / marker.length))],
    );
    await run(`insert into parties (id, tenant_id, kind, name) values ($1, $2, 'person', $3)`, [
      person,
      tenant,
      marker,
    ]);
    const link = 'insert into case_parties (tenant_id, case_id, party_id, role) values ($1, $2, $3, $4)';
    await run(link, [tenant, id, person, 'complainant']);
    await run(
      `insert into evidence (tenant_id, case_id, sha256, media_type, size_bytes, title, description)
        values ($1, $2, sha256(convert_to($3, 'UTF8')), 'text/plain', 1, $3, $3)`,
      [tenant, id, marker],
    );
    const decide = 'insert into decisions (tenant_id, case_id, kind, summary) values ($1, $2, $3, $4)';
    await run(decide, [tenant, id, 'finding', marker]);
    await run('commit', []);
    await run(`update cases set status = 'referred', status_reason = $2 where id = $1`, [id, marker]);
    await run(`update cases set status = 'closed', outcome = 'no-relief', status_reason = $2 where id = $1`, [
      id,
      marker,
    ]);
    return { id, tenant, marker };
  } finally {
    await client.end();
  }
}

/** A draft with the same marker, in the hands of an investigator: worklists show it, which a closed case is not in. */
export async function commitMarkedDraft({ postgres }: Endpoints, { tenant, marker }: MarkedCase): Promise<string> {
  const client = new pg.Client(postgres.url);
  await client.connect();
  const [id, investigator] = [randomUUID(), randomUUID()];
  try {
    await client.query('set search_path = canonical');
    await client.query(`insert into users (id, display_name) values ($1, 'Drill')`, [investigator]);
    await client.query(
      `insert into cases (id, tenant_id, title, product, issue, status) values ($1, $2, $3, $3, $3, 'draft')`,
      [id, tenant, marker],
    );
    await client.query('insert into assignments (tenant_id, case_id, investigator_id) values ($1, $2, $3)', [
      tenant,
      id,
      investigator,
    ]);
    return id;
  } finally {
    await client.end();
  }
}

/** Its evidence's content, as an upload leaves it; nothing where no API takes any. Says which bucket has it. */
export async function uploadMarkedEvidence(
  { s3: endpoint, region, credentials, evidenceBucket }: Endpoints,
  { id, tenant, marker }: MarkedCase,
): Promise<string | undefined> {
  if (evidenceBucket === undefined) return undefined;
  const s3 = s3Client({ endpoint, region, credentials: { ...credentials }, forcePathStyle: true });
  try {
    const Key = `${tenant}/${id}/${createHash('sha256').update(marker).digest('hex')}`;
    await s3.send(new PutObjectCommand({ Bucket: evidenceBucket, Key, Body: marker }));
    return evidenceBucket;
  } finally {
    s3.destroy();
  }
}

/** One state of the case, as a message that was on its way. */
export function markedEvent({ id, tenant, marker }: MarkedCase, version = 1): string {
  const header = {
    aggregate: 'case',
    change: 'updated',
    key: id as AggregateId,
    tenant: tenant as TenantId,
    version: storedVersion(0, version),
    digest: 1,
    lane: 'standard' as const,
    schemaVersion: 1,
    committedAt: Date.now(),
  };
  return encodeChange(header, { state: JSON.stringify({ title: marker }) });
}

/** A failed message of the case alone, and one that it shares with another aggregate: that one. */
export async function failMarkedCase(endpoints: Endpoints, marked: MarkedCase, store: string): Promise<MarkedCase> {
  const other: MarkedCase = { id: randomUUID(), tenant: marked.tenant, marker: 'Bystander' };
  const error = new DistributaryError('projector-threw', 'planted by the drill');
  const letter = (events: readonly string[]) => ({ body: encodePack(events), error });
  const letters = [letter([markedEvent(marked)]), letter([markedEvent(marked), markedEvent(other)])];
  await withQueues(endpoints, sqs => sendToFailedQueue(sqs, failedQueueOf(endpoints, store), store, letters));
  return other;
}

/** Takes what failed of it away: an operator is not to look for the cause of what a drill planted. */
export async function forgetFailed(endpoints: Endpoints, { id }: MarkedCase, store: string): Promise<void> {
  await withQueues(endpoints, sqs => eraseFailed(sqs, failedQueueOf(endpoints, store), new Set([id])));
}

const failedQueueOf = ({ stores }: Endpoints, store: string): string => stores[store]!.failedQueueUrl;

async function withQueues(
  { sqs: endpoint, region, credentials }: Endpoints,
  act: (sqs: SQSClient) => Promise<unknown>,
): Promise<void> {
  const sqs = new SQSClient({ endpoint, region, credentials: { ...credentials } });
  try {
    await act(sqs);
  } finally {
    sqs.destroy();
  }
}

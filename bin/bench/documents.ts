import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../../core/change.ts';
import type { Write } from '../../core/store.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { type AggregateId, storedVersion, type TenantId } from '../../core/version.ts';
import type { Complaint } from '../complaints/complaint.ts';
import { complaintsOf } from '../complaints/reading.ts';
import { SAMPLE } from '../complaints/sample.ts';

const TENANT = '00000000-0000-4000-8000-000000000001' as TenantId;

/** New documents of the store's contract, made of the sample's complaints over and over: about 1 kB each. */
export async function sampleWrites(contract: ProjectedContract, count: number): Promise<readonly Write[]> {
  const documents: JsonObject[] = [];
  for await (const row of complaintsOf(SAMPLE)) {
    if (row.kind === 'complaint') documents.push(documentOf(row.complaint, contract));
  }
  return Array.from({ length: count }, (_, index) => ({
    key: randomUUID() as AggregateId,
    tenant: TENANT,
    version: storedVersion(0, 1),
    digest: index + 1,
    committedAt: Date.now(),
    document: documents[index % documents.length]!,
  }));
}

const documentOf = (complaint: Complaint, { fields }: ProjectedContract): JsonObject => ({
  ...Object.fromEntries(Object.entries(complaint).filter(([name]) => Object.hasOwn(fields, name))),
  status: complaint.answer?.status ?? 'referred',
  priority: 'normal',
  restricted: false,
  assigned_ids: [],
  open_task_count: 0,
  party_names: [complaint.company],
});

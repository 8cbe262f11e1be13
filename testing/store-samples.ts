import { randomBytes } from 'node:crypto';
import type { JsonObject } from '../core/change.ts';
import { inRange } from '../core/digest.ts';
import type { Digest, KeyRange, Write } from '../core/store.ts';
import { isProjected, type ProjectedContract } from '../core/store-contract.ts';
import { parseStoreContract } from '../core/store-contract-rules.ts';
import { type AggregateId, storedVersion, type TenantId } from '../core/version.ts';

const TENANT = '7e000000-0000-4000-8000-000000000001' as TenantId;
/** 2026-01-01. */
const FIRST_COMMIT = 1_767_225_600_000;

/** One field of each type: the contract that the suite's documents follow. */
export function suiteContract(storeName: string, engine: ProjectedContract['engine']): ProjectedContract {
  const text = `
store_name: ${storeName}
role: ${engine === 's3-object-lock' ? 'archive' : 'projection'}
canonical_source: suite-postgres
owner_team: suite
served_use_cases: [conformance]
freshness_contract: { normal_p95: under_1_second, maximum_before_alert: 10_seconds }
authority_rules: { may_execute_commands: false, must_rehydrate_before_sensitive_action: true }
rebuild: { supported: true, source: suite, estimated_duration: 1_minute, cutover_strategy: blue_green }
security: { contains_pii: true, authorization_filter_required: true, field_masking_required: false }
schema_evolution: { versioned_document: true, backward_compatible_indexer_required: true }
observability: { metrics: [indexing_lag_seconds, indexing_error_count, dead_letter_count] }
engine: ${engine}
aggregates: [case]
fields:
  title: { type: text }
  status: { type: keyword }
  tags: { type: keyword, list: true }
  priority: { type: integer }
  amount: { type: number }
  urgent: { type: boolean }
  received_on: { type: date }
  changed_at: { type: timestamp }
  parties: { type: object, list: true }
${engine === 's3-object-lock' ? 'archive: { object_lock: governance, retention: 365_days, hold_field: urgent }' : ''}
`;
  const contract = parseStoreContract(text, `${storeName}.yaml`);
  if (!isProjected(contract)) throw new Error('the contract of the store suite asks for no pipeline');
  return contract;
}

/** The contract one deployment later: it has one field more. */
export const gainedContract = (contract: ProjectedContract): ProjectedContract => ({
  ...contract,
  fields: { ...contract.fields, later: { type: 'keyword', list: false, pii: 'none', protected: false } },
});

/** A document of `gainedContract`. */
export const gainedDocument = (n: number): JsonObject => ({ ...suiteDocument(n), later: `later ${n}` });

/** Differs by `n` in every field, with what trips serialisers: quotes, line ends, non-Latin text, big and negative numbers. */
export const suiteDocument = (n: number): JsonObject => ({
  title: `Fall ${n}: “Müller” 株式会社\n\t\\ "quoted" 🦉`,
  status: ['open', 'in review', 'closed'][n % 3]!,
  tags: n % 2 === 0 ? [`tag-${n}`, 'ß'] : ['one'],
  priority: n % 2 === 0 ? n : -(2 ** 40) - n,
  amount: n + 0.25,
  urgent: n % 2 === 0,
  received_on: `2026-02-${String((n % 28) + 1).padStart(2, '0')}`,
  changed_at: new Date(FIRST_COMMIT + n * 1000).toISOString(),
  parties: [{ name: `Åsa ${n}`, role: 'complainant', address: { city: 'Malmö' } }],
});

/** A document whose JSON text has exactly so many bytes; its characters are fewer. */
export function documentOfBytes(bytes: number): JsonObject {
  const words = (count: number, rest: number) => ({ title: 'wört '.repeat(count) + 'x'.repeat(rest) });
  const room = bytes - Buffer.byteLength(JSON.stringify(words(0, 0)));
  return words(Math.floor(room / 6), room % 6);
}

let blocks = 0;
const process = randomBytes(2).toString('hex');

/** Keys that nothing else uses, in order and contiguous: `range` covers them and nothing else. */
export function keyBlock(size: number): { keys: readonly AggregateId[]; range: Required<KeyRange> } {
  const block = (blocks++).toString(16).padStart(4, '0');
  const key = (index: number) =>
    `${process}${block}-0000-4000-8000-${index.toString(16).padStart(12, '0')}` as AggregateId;
  return { keys: Array.from({ length: size }, (_, index) => key(index)), range: { from: key(0), to: key(size) } };
}

/** Any number in the range of digests but 0; equal for equal keys and versions. */
const digestFor = (key: AggregateId, version: number): number =>
  (Math.imul(Number.parseInt(key.slice(-4), 16) + 1, 0x9e3779b1) ^ Math.imul(version, 0x85ebca6b)) >>> 0 || 1;

/** The row's version `n` of an aggregate; its document differs with it. */
export const live = (key: AggregateId, n: number, document: JsonObject = suiteDocument(n)): Write => ({
  key,
  tenant: TENANT,
  version: storedVersion(1, n),
  digest: digestFor(key, n),
  committedAt: FIRST_COMMIT + n,
  document,
});
/** The aggregate lives, its projector answered null. */
export const hidden = (key: AggregateId, n: number): Write => ({ ...live(key, n), document: null });
export const deleted = (key: AggregateId, n: number): Write => ({ ...live(key, n), digest: 0, document: null });

/** What a store must hold after these writes in any order: the newest per key, in key order. */
export function newest(writes: Iterable<Write>): Write[] {
  const byKey = new Map<AggregateId, Write>();
  for (const write of writes) {
    if (write.version > (byKey.get(write.key)?.version ?? 0)) byKey.set(write.key, write);
  }
  return [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

export function digestOf(writes: Iterable<Write>, range: KeyRange = {}): Digest {
  const alive = newest(writes).filter(({ key, digest }) => digest !== 0 && inRange(key, range));
  return { count: alive.length, sum: alive.reduce((sum, { digest }) => sum + digest, 0) };
}

import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import {
  type AsyncBuffer,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaElement,
} from 'hyparquet';
import { ByteWriter, parquetWrite } from 'hyparquet-writer';
import type { Json, JsonObject } from '../../core/change.ts';
import { DistributaryError } from '../../core/errors.ts';
import type { Stored } from '../../core/store.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { type AggregateId, rowVersionOf, type TenantId, type Version } from '../../core/version.ts';
import { type Cell, type FieldColumn, fieldColumns, TIME_ELEMENT } from './parquet-columns.ts';
import { endOfDay } from './parquet-time.ts';

/** One version of one aggregate. A document that was not asked for is `{}`. */
export interface Fact extends Stored {
  /** Milliseconds since 1970 of its first write. */
  readonly extractedAt: number;
}

/** Keys from `from` (inclusive) to `below` (exclusive), by their text; neither need be a whole key. */
export interface KeySlice {
  readonly from: string;
  readonly below: string;
}

/** How the facts of one contract lie in files. */
export interface FactFormat {
  readonly fields: readonly FieldColumn[];
  /** After a day's end, when its facts count as complete: the contract's `maximum_before_alert`. */
  readonly closedAfterMs: number;
}

/** A column that every file has, whatever the contract. */
interface OwnColumn {
  readonly name: string;
  readonly element: Omit<SchemaElement, 'name'>;
  of(fact: Fact, format: FactFormat): Cell;
}

const UUID = { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, logical_type: { type: 'UUID' } } as const;
const BOOLEAN = { type: 'BOOLEAN' } as const;
const micros = (ms: number): bigint => BigInt(ms) * 1000n;
const msOf = (cell: bigint): number => Number(cell / 1000n);

const OWN_COLUMNS: readonly OwnColumn[] = [
  { name: 'key', element: UUID, of: ({ key }) => key },
  { name: 'tenant', element: UUID, of: ({ tenant }) => tenant },
  { name: 'version', element: { type: 'INT64' }, of: ({ version }) => BigInt(version) },
  { name: 'digest', element: { type: 'INT64' }, of: ({ digest }) => BigInt(digest) },
  // As of when the fact holds.
  { name: 'committed_at', element: TIME_ELEMENT, of: ({ committedAt }) => micros(committedAt) },
  { name: 'extracted_at', element: TIME_ELEMENT, of: ({ extractedAt }) => micros(extractedAt) },
  // Gone from the canonical store.
  { name: 'deleted', element: BOOLEAN, of: ({ document, digest }) => document === null && digest === 0 },
  // Alive, and not shown by the projector.
  { name: 'hidden', element: BOOLEAN, of: ({ document, digest }) => document === null && digest !== 0 },
  // Supersedes an earlier fact of the same aggregate.
  { name: 'correction', element: BOOLEAN, of: ({ version }) => rowVersionOf(version) > 1 },
  // Came after its day counted as complete: a report made before has not seen it.
  {
    name: 'late',
    element: BOOLEAN,
    of: ({ committedAt, extractedAt }, { closedAfterMs }) => extractedAt > endOfDay(committedAt) + closedAfterMs,
  },
];
const OWN_NAMES = OWN_COLUMNS.map(({ name }) => name);
/** What a fact is read back from; the others follow. */
const READ_NAMES = ['key', 'tenant', 'version', 'digest', 'committed_at', 'extracted_at', 'deleted', 'hidden'];
/** Query engines take it from the path of a file. */
const PARTITION_NAME = 'day';

/** Rows that are read or skipped at once: a scan of a slice of keys skips what lies beside it. */
const ROW_GROUP_ROWS = 20_000;

/** Throws `contract-invalid` when a field has the name of a column that every file has. */
export function factFormat(contract: ProjectedContract): FactFormat {
  const fields = fieldColumns(contract);
  const taken = fields.find(({ name }) => name === PARTITION_NAME || OWN_NAMES.includes(name));
  if (taken) {
    const what = `store ${contract.store_name}: every fact has a column ${taken.name} already`;
    throw new DistributaryError('contract-invalid', what, { hint: 'rename the field' });
  }
  return { fields, closedAfterMs: contract.freshness_contract.maximum_before_alert * 1000 };
}

/** A file of facts, sorted by key and version as readers expect. Compressed with Zstandard, which Node has built in. */
export function encodeFacts(format: FactFormat, facts: readonly Fact[]): Uint8Array {
  const own = OWN_COLUMNS.map(({ name, of }) => ({ name, data: facts.map(fact => of(fact, format)) }));
  const fields = format.fields.map(({ name, toCell }) => ({
    name,
    data: facts.map(({ document }) => {
      const value = document?.[name] ?? null;
      return value === null ? null : toCell(value);
    }),
  }));
  const columnData = [...own, ...fields];
  const writer = new ByteWriter();
  parquetWrite({
    writer,
    columnData,
    schema: [
      { name: 'fact', num_children: columnData.length },
      ...OWN_COLUMNS.map(({ name, element }) => ({ name, repetition_type: 'REQUIRED' as const, ...element })),
      ...format.fields.flatMap(({ schema }) => schema),
    ],
    codec: 'ZSTD',
    compressors: { ZSTD: bytes => zstdCompressSync(bytes) },
    rowGroupSize: ROW_GROUP_ROWS,
    createdBy: 'distributary',
  });
  return writer.getBytes();
}

export interface DecodeOptions {
  /** @default all keys */
  readonly slice?: KeySlice;
  /** Read the documents too. */
  readonly documents: boolean;
}

/** A column that the file lacks, because its contract did not have the field yet, is null in all of its rows. */
export async function decodeFacts(format: FactFormat, file: AsyncBuffer, options: DecodeOptions): Promise<Fact[]> {
  const metadata = await parquetMetadataAsync(file);
  const present = namesIn(metadata);
  const fields = options.documents ? format.fields.filter(({ name }) => present.includes(name)) : [];
  const rows = await parquetReadObjects({
    file,
    metadata,
    columns: [...READ_NAMES, ...fields.map(({ name }) => name)],
    ...(options.slice && { filter: { key: { $gte: options.slice.from, $lt: options.slice.below } } }),
    compressors: { ZSTD: bytes => zstdDecompressSync(bytes) },
    parsers: { timestampFromMicroseconds: raw, dateFromDays: raw, uuidFromBytes: uuidOf },
  });
  return rows.map(row => factOf(row, fields));
}

/** Whether everything in the file is known to the format; what a newer contract added must not get lost in a merge. */
export async function isKnown({ fields }: FactFormat, file: AsyncBuffer): Promise<boolean> {
  const known = [...OWN_NAMES, ...fields.map(({ name }) => name)];
  return namesIn(await parquetMetadataAsync(file)).every(name => known.includes(name));
}

const namesIn = (metadata: Parameters<typeof parquetSchema>[0]): string[] =>
  parquetSchema(metadata).children.map(({ element }) => element.name);

function factOf(row: Record<string, Cell>, fields: readonly FieldColumn[]): Fact {
  return {
    key: row.key as AggregateId,
    tenant: row.tenant as TenantId,
    version: Number(row.version) as Version,
    digest: Number(row.digest),
    committedAt: msOf(row.committed_at as bigint),
    extractedAt: msOf(row.extracted_at as bigint),
    document: row.deleted || row.hidden ? null : documentOf(row, fields),
  };
}

function documentOf(row: Record<string, Cell>, fields: readonly FieldColumn[]): JsonObject {
  const document: Record<string, Json> = {};
  for (const { name, fromCell } of fields) {
    const cell = row[name];
    if (cell !== null && cell !== undefined) document[name] = fromCell(cell);
  }
  return document;
}

const raw = <T>(value: T): T => value;

function uuidOf(bytes: Uint8Array | undefined): string | undefined {
  if (!bytes) return undefined;
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

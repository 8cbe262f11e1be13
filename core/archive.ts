import * as z from 'zod';
import type { JsonObject } from './change.ts';
import type { Stored, Write } from './store.ts';
import type { AggregateId, TenantId, Version } from './version.ts';

/** How an archive lies in its bucket: below a prefix per target, `documents/` and the chain of the `manifest/`. */
const VERSION_DIGITS = 16;
const SEQUENCE_DIGITS = 8;
const OBJECT = /^([^/]+)\/documents\/([^/]+)\/(\d{16})-([0-9a-f]{8})(?:-(held|none))?\.json$/;

export const documentsOf = (target: string): string => `${target}/documents/`;
export const versionsOf = (target: string, key: string): string => `${documentsOf(target)}${key}/`;
export const manifestOf = (target: string): string => `${target}/manifest/`;
export const segmentOf = (target: string, sequence: number): string =>
  `${manifestOf(target)}${String(sequence).padStart(SEQUENCE_DIGITS, '0')}.json`;

/** What an object's name says of it, so that a comparison of digests lists and reads nothing. */
export interface ArchivedName {
  readonly object: string;
  readonly target: string;
  readonly key: AggregateId;
  readonly version: Version;
  readonly digest: number;
  readonly kind: ArchivedKind;
}

/** A document; one while a legal hold is in force; or a marker, where there is nothing to keep. */
export type ArchivedKind = 'free' | 'held' | 'none';
const SUFFIX: Readonly<Record<ArchivedKind, string>> = { free: '', held: '-held', none: '-none' };

/** Versions of a key sort by number. */
export const objectOf = (target: string, { key, version, digest }: Write, kind: ArchivedKind): string => {
  const number = String(version).padStart(VERSION_DIGITS, '0');
  return `${versionsOf(target, key)}${number}-${digest.toString(16).padStart(8, '0')}${SUFFIX[kind]}.json`;
};

export function nameOf(object: string): ArchivedName | undefined {
  const [, target, key, version, digest, kind] = OBJECT.exec(object) ?? [];
  if (target === undefined || key === undefined) return undefined;
  return {
    object,
    target,
    key: key as AggregateId,
    version: Number(version) as Version,
    digest: Number.parseInt(digest!, 16),
    kind: (kind ?? 'free') as ArchivedKind,
  };
}

const storedSchema = z.strictObject({
  key: z.string(),
  tenant: z.string(),
  version: z.int(),
  digest: z.int(),
  /** Milliseconds since 1970. */
  committed_at: z.number(),
  document: z.record(z.string(), z.json()).nullable(),
});

/** One version of one aggregate, for good. Equal for equal writes. */
export const archivedText = ({ key, tenant, version, digest, committedAt, document }: Write): string =>
  `${JSON.stringify({ key, tenant, version, digest, committed_at: committedAt, document })}\n`;

export function parseArchived(text: string): Stored {
  const { committed_at, ...stored } = storedSchema.parse(JSON.parse(text));
  return {
    key: stored.key as AggregateId,
    tenant: stored.tenant as TenantId,
    version: stored.version as Version,
    digest: stored.digest,
    committedAt: committed_at,
    document: stored.document as JsonObject | null,
  };
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export const archiveEntrySchema = z.union([
  /** An object, and the hash of what was written into it. */
  z.strictObject({ object: z.string(), sha256, bytes: z.int() }),
  /** It was erased on purpose, as a purge demands. */
  z.strictObject({ object: z.string(), erased: z.literal(true) }),
]);
export type ArchiveEntry = z.infer<typeof archiveEntrySchema>;

export const ARCHIVE_FORMAT = 'distributary-archive/1';

/**
 * One link of the chain: which objects came in, and the hash of the segment before. Who knows the hash of the last one can
 * prove all before it; the segment's own hash is that of its text.
 */
export const segmentSchema = z.strictObject({
  format: z.literal(ARCHIVE_FORMAT),
  store: z.string(),
  target: z.string(),
  /** From 1. */
  sequence: z.int().min(1),
  previous: sha256.nullable(),
  sealed_at: z.iso.datetime(),
  entries: z.array(archiveEntrySchema),
});
export type Segment = z.infer<typeof segmentSchema>;

export const segmentText = (segment: Segment): string => `${JSON.stringify(segment)}\n`;

/** Nothing when the text is no segment. */
export function parseSegment(text: string): Segment | undefined {
  try {
    return segmentSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

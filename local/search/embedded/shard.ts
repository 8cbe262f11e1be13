import { Dictionary } from './analysis.ts';
import { type Doc, parseDocument } from './document.ts';
import type { Mapping } from './mapping.ts';
import { refuse } from './refusal.ts';
import type { WriteLog } from './storage.ts';

/** How a write names the version it makes. `internal` counts up by one. */
export interface Versioning {
  readonly type: 'internal' | 'external' | 'external_gte';
  readonly version: number;
}

export interface Written {
  readonly version: number;
  readonly seq: number;
  readonly result: 'created' | 'updated' | 'deleted' | 'not_found';
}

/** The newest write to an id; `deletedAt` above 0 makes it a tombstone. */
interface Newest {
  readonly seq: number;
  readonly version: number;
  readonly deletedAt: number;
}

/**
 * The documents of one index. A write is durable and seen by `get` at once; searches see it after a refresh, as a whole.
 * A delete's version is remembered for `gcDeletesMs`; after that any older write is taken as new, as OpenSearch does.
 */
export class Shard {
  readonly dictionary = new Dictionary();
  gcDeletesMs: number;
  readonly #log: WriteLog;
  readonly #where: { index: string; shard: string; index_uuid: string };
  readonly #newest = new Map<string, Newest>();
  readonly #visible = new Map<string, Doc>();
  /** Since the last refresh: the document that will be seen, or null for none. */
  readonly #pending = new Map<string, Doc | null>();
  /** Rows that nothing will read any more after the next refresh. */
  readonly #replaced = new Set<number>();
  #inOrder: readonly Doc[] = [];
  #nextSeq = 0;

  constructor(log: WriteLog, mapping: Mapping, gcDeletesMs: number, index: { name: string; uuid: string }) {
    this.#log = log;
    this.gcDeletesMs = gcDeletesMs;
    this.#where = { index: index.name, shard: '0', index_uuid: index.uuid };
    for (const row of log.rows()) {
      const parsed = row.source === null ? null : parseDocument(row.id, row.source, mapping, this.dictionary);
      this.#remember(row.id, row, parsed && { id: row.id, seq: row.seq, version: row.version, ...parsed });
    }
    this.refresh();
  }

  /** What searches see, oldest write first. */
  get docs(): readonly Doc[] {
    return this.#inOrder;
  }

  visible(id: string): Doc | undefined {
    return this.#visible.get(id);
  }

  get isRefreshed(): boolean {
    return this.#pending.size === 0;
  }

  get bytes(): number {
    return this.#log.bytes();
  }

  /** The newest write as of now, with its source. */
  get(id: string): (Newest & { readonly source: string }) | undefined {
    const newest = this.#newest.get(id);
    return !newest || newest.deletedAt > 0 ? undefined : { ...newest, source: this.#log.source(newest.seq) };
  }

  source(doc: Doc): string {
    return this.#log.source(doc.seq);
  }

  /** Writes one document; throws a refusal on a conflict and on a source that does not fit the mapping. */
  index(
    id: string,
    source: string,
    versioning: Versioning,
    mapping: Mapping,
    create: boolean,
  ): Written & { introduced: boolean } {
    // Before its version is looked at: one that does not fit is refused as such, however old it is.
    const { introduced, ...parsed } = parseDocument(id, source, mapping, this.dictionary);
    const current = this.#current(id);
    if (create && current && current.deletedAt === 0) {
      throw this.#conflict(id, `document already exists (current version [${current.version}])`);
    }
    const version = this.#nextVersion(id, current, versioning);
    const seq = this.#nextSeq;
    this.#log.append({ seq, id, version, deletedAt: 0, source });
    this.#remember(id, { seq, version, deletedAt: 0 }, { id, seq, version, ...parsed });
    return { version, seq, introduced, result: current && current.deletedAt === 0 ? 'updated' : 'created' };
  }

  /** Leaves a tombstone, also where there was nothing: a late older write must find it. */
  delete(id: string, versioning: Versioning): Written {
    const current = this.#current(id);
    const version = this.#nextVersion(id, current, versioning);
    const seq = this.#nextSeq;
    const deletedAt = Date.now();
    this.#log.append({ seq, id, version, deletedAt, source: null });
    this.#remember(id, { seq, version, deletedAt }, null);
    return { version, seq, result: current && current.deletedAt === 0 ? 'deleted' : 'not_found' };
  }

  /** Makes what was written visible to searches, and lets go of what was replaced. */
  refresh(): void {
    if (this.isRefreshed) return;
    for (const [id, doc] of this.#pending) {
      this.#visible.delete(id);
      if (doc) this.#visible.set(id, doc);
    }
    this.#pending.clear();
    this.#inOrder = [...this.#visible.values()];
    this.#log.remove(this.#replaced);
    this.#replaced.clear();
  }

  /** Forgets deletes older than `gcDeletesMs`. */
  collectTombstones(): void {
    const forgotten: number[] = [];
    for (const [id, { seq, deletedAt }] of this.#newest) {
      if (deletedAt === 0 || !this.#isForgotten(deletedAt) || this.#pending.has(id)) continue;
      this.#newest.delete(id);
      forgotten.push(seq);
    }
    this.#log.remove(forgotten);
  }

  #remember(id: string, newest: Newest, doc: Doc | null): void {
    const previous = this.#newest.get(id);
    if (previous) this.#replaced.add(previous.seq);
    this.#newest.set(id, { seq: newest.seq, version: newest.version, deletedAt: newest.deletedAt });
    // Out and in again: both maps keep the order of writes.
    this.#pending.delete(id);
    this.#pending.set(id, doc);
    this.#nextSeq = newest.seq + 1;
  }

  #isForgotten(deletedAt: number): boolean {
    return Date.now() - deletedAt > this.gcDeletesMs;
  }

  #current(id: string): Newest | undefined {
    const newest = this.#newest.get(id);
    return newest && newest.deletedAt > 0 && this.#isForgotten(newest.deletedAt) ? undefined : newest;
  }

  #nextVersion(id: string, current: Newest | undefined, { type, version }: Versioning): number {
    if (type === 'internal') return (current?.version ?? 0) + 1;
    if (!current || current.version < version) return version;
    if (type === 'external_gte' && current.version === version) return version;
    const relation = type === 'external' ? 'higher or equal to' : 'higher than';
    throw this.#conflict(id, `current version [${current.version}] is ${relation} the one provided [${version}]`);
  }

  #conflict(id: string, what: string) {
    return refuse(409, 'version_conflict_engine_exception', `[${id}]: version conflict, ${what}`, this.#where);
  }
}

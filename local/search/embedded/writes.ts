import { randomBytes } from 'node:crypto';
import type { Answer } from './answer.ts';
import type { Index } from './document-index.ts';
import type { Engine } from './engine.ts';
import { isTrue } from './http.ts';
import { notSpoken, type Refusal, refuse } from './refusal.ts';
import type { Versioning } from './shard.ts';

export interface Write {
  readonly action: 'index' | 'create' | 'delete';
  readonly index: string;
  /** Absent: the engine makes one up. */
  readonly id: string | undefined;
  readonly versioning: Versioning;
  /** The name must be an alias: no index is made for the write. */
  readonly requireAlias: boolean;
  readonly source: string;
}

export interface Done {
  readonly status: number;
  /** The members that a bulk item and the answer to a single write have in common. */
  readonly body: { readonly [key: string]: Answer };
  readonly index: Index;
  readonly introduced: boolean;
}

/** OpenSearch refuses longer ids. */
const MAX_ID_BYTES = 512;

/** Applies one write, or throws the refusal that is its outcome. */
export function applyWrite(engine: Engine, write: Write): Done {
  const { action, id: given, versioning, source } = write;
  const deletes = action === 'delete';
  const index = engine.forWriting(write.index, {
    mayCreate: !deletes || (versioning.type !== 'internal' && !write.requireAlias),
    requireAlias: write.requireAlias && !deletes,
  });
  if (given === '') throw refuse(400, 'illegal_argument_exception', 'if _id is specified it must not be empty');
  const id = given ?? randomBytes(15).toString('base64url');
  if (Buffer.byteLength(id) > MAX_ID_BYTES) {
    const reason = `id [${id}] is too long, must be no longer than 512 bytes but was: ${Buffer.byteLength(id)}`;
    throw refuse(400, 'illegal_argument_exception', reason);
  }
  const written =
    action === 'delete'
      ? { ...index.shard.delete(id, versioning), introduced: false }
      : index.shard.index(id, source, versioning, index.mapping, action === 'create');
  return {
    status: written.result === 'created' ? 201 : written.result === 'not_found' ? 404 : 200,
    index,
    introduced: written.introduced,
    body: {
      _index: index.name,
      _id: id,
      _version: written.version,
      result: written.result,
      _shards: { total: index.copies / index.primaries, successful: 1, failed: 0 },
      _seq_no: written.seq,
      _primary_term: 1,
    },
  };
}

/** Keeps what the writes changed beside documents, and makes them visible where the request waits for that. */
export function settle(engine: Engine, done: readonly Done[], refresh: boolean): void {
  for (const index of new Set(done.filter(each => each.introduced).map(each => each.index))) index.save();
  if (refresh) engine.refresh(new Set(done.map(each => each.index)));
}

/** `true`, an empty value and `wait_for` all mean: visible when the answer arrives. */
export function wantsRefresh(params: ReadonlyMap<string, string>): boolean {
  return isTrue(params, 'refresh');
}

/** An answer says so when it made the refresh itself, rather than wait for the next. */
export function forced(params: ReadonlyMap<string, string>): { readonly forced_refresh?: true } {
  return wantsRefresh(params) && params.get('refresh') !== 'wait_for' ? { forced_refresh: true } : {};
}

const VERSION_TYPES = ['internal', 'external', 'external_gte'] as const;

/** The versioning of a write, or the complaint that OpenSearch has about it. */
export function parseVersioning(
  type: string | undefined,
  version: number | undefined,
  create: boolean,
): Versioning | { complaint: string } {
  const known = VERSION_TYPES.find(each => each === (type === 'external_gt' ? 'external' : (type ?? 'internal')));
  if (!known) return { complaint: `No version type match [${type}]` };
  if (known === 'internal') {
    return version === undefined
      ? { type: known, version: 0 }
      : {
          complaint:
            'internal versioning can not be used for optimistic concurrency control. ' +
            'Please use `if_seq_no` and `if_primary_term` instead',
        };
  }
  if (create) return { complaint: 'create operations only support internal versioning. use index instead' };
  if (version === undefined || version < 0) {
    return { complaint: `illegal version value [${version ?? -3}] for version type [${known.toUpperCase()}]` };
  }
  if (!Number.isSafeInteger(version)) throw notSpoken(`versions beyond 2^53, such as [${version}]`);
  return { type: known, version };
}

export function validationFailed(complaints: readonly string[]): Refusal {
  const numbered = complaints.map((complaint, i) => `${i + 1}: ${complaint};`).join('');
  return refuse(400, 'action_request_validation_exception', `Validation Failed: ${numbered}`);
}

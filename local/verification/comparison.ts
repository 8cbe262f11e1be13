import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../../core/change.ts';
import type { Stored, Write } from '../../core/store.ts';
import type { AggregateId } from '../../core/version.ts';

export type Verdict =
  /** The store holds exactly what a rebuild would write. */
  | 'agrees'
  /** The aggregate is gone, and the store holds its tombstone. */
  | 'gone'
  /** The store knows nothing of it. */
  | 'missing'
  /** The store holds a document of an aggregate that does not exist. */
  | 'extra'
  /** The store holds an older version. */
  | 'stale'
  /** The same version with another document, digest or tenant; or a version that was never committed. */
  | 'different';

export interface Finding {
  readonly key: AggregateId;
  readonly verdict: Verdict;
  /** Whether readers of the store see a document under the key. */
  readonly visible: boolean;
  /** Of whatever does not agree: what was looked for and what was found. */
  readonly detail?: string;
}

/** Walks both in key order, holding one of each. */
export async function* compare(expected: AsyncIterable<Write>, held: AsyncIterable<Stored>): AsyncGenerator<Finding> {
  const left = expected[Symbol.asyncIterator]();
  const right = held[Symbol.asyncIterator]();
  try {
    let [write, stored] = await Promise.all([left.next(), right.next()]);
    while (!write.done || !stored.done) {
      if (stored.done || (!write.done && write.value.key < stored.value.key)) {
        yield missing((write as IteratorYieldResult<Write>).value);
        write = await left.next();
      } else if (write.done || stored.value.key < write.value.key) {
        yield unexpected(stored.value);
        stored = await right.next();
      } else {
        yield judge(write.value, stored.value);
        [write, stored] = await Promise.all([left.next(), right.next()]);
      }
    }
  } finally {
    await Promise.all([left.return?.(), right.return?.()]);
  }
}

const missing = ({ key, version }: Write): Finding => ({
  key,
  verdict: 'missing',
  visible: false,
  detail: `version ${version} is not there`,
});

function unexpected({ key, version, document, digest }: Stored): Finding {
  if (document === null && digest === 0) return { key, verdict: 'gone', visible: false };
  return {
    key,
    verdict: 'extra',
    visible: document !== null,
    detail: `version ${version} of an aggregate that is gone`,
  };
}

function judge(write: Write, stored: Stored): Finding {
  const seen = { key: write.key, visible: stored.document !== null };
  if (stored.version < write.version) {
    return { ...seen, verdict: 'stale', detail: `holds version ${stored.version} instead of ${write.version}` };
  }
  const detail = difference(write, stored);
  return detail === undefined ? { ...seen, verdict: 'agrees' } : { ...seen, verdict: 'different', detail };
}

/** Names fields, never values: they may be personal. */
function difference(write: Write, stored: Stored): string | undefined {
  if (stored.version > write.version) return `holds version ${stored.version}, newest is ${write.version}`;
  const parts = (['tenant', 'digest'] as const).filter(part => write[part] !== stored[part]);
  if (parts.length > 0) return `other ${parts.join(' and ')} at version ${write.version}`;
  const { document: wanted } = write;
  const { document: found } = stored;
  if (wanted === null) return found === null ? undefined : 'shows a document that the projector hides';
  if (found === null) return 'hides a document that the projector shows';
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(found)])];
  const differing = names.filter(name => !isDeepStrictEqual(said(wanted[name]), said(found[name])));
  if (differing.length === 0) return undefined;
  return `other values of ${differing.join(', ')} at version ${write.version}`;
}

/** An engine with columns cannot tell a field that is null or an empty list from one that is absent. */
const said = (value: Json | undefined): Json =>
  value === undefined || (Array.isArray(value) && value.length === 0) ? null : value;

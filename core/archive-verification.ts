import { createHash } from 'node:crypto';
import {
  type ArchiveEntry,
  documentsOf,
  manifestOf,
  nameOf,
  parseArchived,
  parseSegment,
  segmentOf,
} from './archive.ts';

/** A copy of an archive, or the archive itself: names in the order of their text, and what is below them. */
export interface ArchiveCopy {
  /** Names that start with `prefix` and come after `after`. */
  list(prefix: string, after?: string): AsyncIterable<string>;
  read(object: string): Promise<string | undefined>;
}

export interface Fault {
  readonly object: string;
  readonly what: string;
}

export interface ArchiveVerdict {
  readonly target: string;
  readonly segments: number;
  /** Objects that are as they were written. */
  readonly proved: number;
  readonly bytes: number;
  /** Objects that a purge erased, as the manifest says. */
  readonly erased: number;
  /** Objects that no segment names: written in the last minutes, or put there by somebody else. */
  readonly unsealed: number;
  /** Hash of the last segment: keep it elsewhere, and nothing before it can be taken away unseen. */
  readonly head: string | null;
  /** Of every segment, in order: the head of an earlier verification is one of them. */
  readonly hashes: readonly string[];
  /** The first of them, at most `MAX_FAULTS`. */
  readonly faults: readonly Fault[];
  readonly faultCount: number;
}

export interface VerificationOptions {
  /** Of so many objects that the manifest names. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const MAX_FAULTS = 100;
const READS_AT_ONCE = 64;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * Proves one target from its manifest alone: each segment carries the hash of the one before it, each object the hash that a
 * segment names.
 */
export async function verifyArchive(
  copy: ArchiveCopy,
  target: string,
  { onProgress, signal }: VerificationOptions = {},
): Promise<ArchiveVerdict> {
  const faults: Fault[] = [];
  let faultCount = 0;
  const fault = (object: string, what: string) => {
    faultCount += 1;
    if (faults.length < MAX_FAULTS) faults.push({ object, what });
  };
  const chain = await readChain(copy, target, fault);
  let [proved, bytes, erased] = [0, 0, 0];
  const named = [...chain.entries];
  for (let start = 0; start < named.length; start += READS_AT_ONCE) {
    signal?.throwIfAborted();
    const some = named.slice(start, start + READS_AT_ONCE);
    const texts = await Promise.all(some.map(([object]) => copy.read(object)));
    for (const [index, [object, entries]] of some.entries()) {
      const text = texts[index];
      const what = text === undefined ? absence(entries) : objectFault(object, text, entries);
      if (what !== undefined) fault(object, what);
      else if (text === undefined) erased += 1;
      else {
        proved += 1;
        bytes += Buffer.byteLength(text);
      }
    }
    onProgress?.(start + some.length, named.length);
  }
  let unsealed = 0;
  for await (const object of copy.list(documentsOf(target))) if (!chain.entries.has(object)) unsealed += 1;
  const { hashes } = chain;
  const head = hashes.at(-1) ?? null;
  return { target, segments: hashes.length, proved, bytes, erased, unsealed, head, hashes, faults, faultCount };
}

interface Chain {
  readonly hashes: readonly string[];
  readonly entries: ReadonlyMap<string, readonly ArchiveEntry[]>;
}

async function readChain(
  copy: ArchiveCopy,
  target: string,
  fault: (object: string, what: string) => void,
): Promise<Chain> {
  const hashes: string[] = [];
  const entries = new Map<string, ArchiveEntry[]>();
  for await (const object of copy.list(manifestOf(target))) {
    const sequence = hashes.length + 1;
    if (object !== segmentOf(target, sequence)) {
      fault(object, `is not segment ${sequence}, which comes next: one is missing, or this is none of ours`);
      break;
    }
    const text = (await copy.read(object)) ?? '';
    const segment = parseSegment(text);
    if (!segment) {
      fault(object, 'is no segment of a manifest');
      break;
    }
    if (segment.sequence !== sequence || segment.target !== target) fault(object, 'says it is another segment');
    if (segment.previous !== (hashes.at(-1) ?? null)) fault(object, 'does not follow from the segment before it');
    hashes.push(sha256(text));
    for (const entry of segment.entries) {
      const known = entries.get(entry.object);
      if (known) known.push(entry);
      else entries.set(entry.object, [entry]);
    }
  }
  return { hashes, entries };
}

const absence = (entries: readonly ArchiveEntry[]): string | undefined =>
  entries.some(entry => 'erased' in entry) ? undefined : 'is missing';

/** An object that was noted twice, after a crash, was noted with one hash. */
function objectFault(object: string, text: string, entries: readonly ArchiveEntry[]): string | undefined {
  const written = entries.filter(entry => 'sha256' in entry);
  if (written.length === 0) return undefined;
  if (written.some(entry => entry.sha256 !== sha256(text))) return 'is not what was written';
  const name = nameOf(object);
  try {
    const { key, version, digest } = parseArchived(text);
    const isOurs = name && key === name.key && version === name.version && digest === name.digest;
    return isOurs ? undefined : 'holds another version than its name says';
  } catch {
    return 'is no archived version';
  }
}

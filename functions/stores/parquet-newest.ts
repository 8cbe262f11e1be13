import type { KeyRange, Target } from '../../core/store.ts';
import { inFlight } from '../in-flight.ts';
import { compareText, extremes } from './parquet-draft.ts';
import { decodeFacts, type Fact, type FactFormat, type KeySlice } from './parquet-file.ts';
import { counting, type FactFile, type Manifest } from './parquet-manifest.ts';
import { FILES_IN_FLIGHT, ObjectGone, type Objects } from './parquet-objects.ts';

/** What a slice of keys holds at most, about: a reader has one slice in memory. */
const SLICE_ROWS = 20_000;
const SLICE_BYTES = 16 * 1024 * 1024;
/** Without documents a fact is 200 bytes in memory. */
const SLICE_ROWS_WITHOUT_DOCUMENTS = 200_000;
/** Files vanish under a reader only after a long grace; twice in a row something else is wrong. */
const MAX_LISTINGS = 3;

/** Leading hexadecimal digits of a key by which the key space is cut. */
const CUT_DIGITS = 8;
const LOWEST = '0'.repeat(CUT_DIGITS);
/** Above every key. */
const HIGHEST = 'g';

export interface FactReader {
  readonly format: FactFormat;
  readonly manifest: Manifest;
  readonly objects: Objects;
}

/**
 * The newest fact of each key in the range, in key order: what a store holds, out of all that it ever held. Any file may
 * have any key, so the key space is cut into slices, and for each the rows of all files are read; cost: slices × files
 * requests. Files are few after compaction, and sorted, so a slice reads its part of a large one only.
 */
export async function* newestFacts(
  reader: FactReader,
  target: Target,
  range: KeyRange,
  options: { readonly documents: boolean },
): AsyncGenerator<Fact> {
  const files = counting(await reader.manifest.entries(target));
  for (const slice of slicesOf(files, { from: range.from ?? LOWEST, below: range.to ?? HIGHEST }, options.documents)) {
    yield* await newestIn(reader, target, slice, options);
  }
}

/** Everything that is known of each key, in key order: what a report of an earlier time is made of. */
export async function* allFacts(reader: FactReader, target: Target): AsyncGenerator<readonly Fact[]> {
  const files = counting(await reader.manifest.entries(target));
  for (const slice of slicesOf(files, { from: LOWEST, below: HIGHEST }, true)) {
    yield* await whileListed(reader, target, slice, files => readAll(reader, files, slice));
  }
}

/** One key, whole. */
export const sliceOf = (key: string): KeySlice => ({ from: key, below: `${key}${HIGHEST}` });

/** The newest fact of one key; reads from every file that may have it. */
export async function newestFact(reader: FactReader, target: Target, key: string): Promise<Fact | undefined> {
  const [fact] = await newestIn(reader, target, sliceOf(key), { documents: true });
  return fact;
}

const newestIn = (
  reader: FactReader,
  target: Target,
  slice: KeySlice,
  options: { readonly documents: boolean },
): Promise<Fact[]> => whileListed(reader, target, slice, files => readNewest(reader, files, slice, options));

/** Reads the files that may have the slice; lists them again when compaction took one away meanwhile. */
async function whileListed<T>(
  reader: FactReader,
  target: Target,
  slice: KeySlice,
  read: (files: readonly FactFile[]) => Promise<T>,
): Promise<T> {
  for (let listings = 1; ; listings++) {
    const files = counting(await reader.manifest.entries(target)).filter(file => overlaps(file, slice));
    try {
      return await read(files);
    } catch (error) {
      if (!(error instanceof ObjectGone) || listings === MAX_LISTINGS) throw error;
    }
  }
}

async function readAll(
  { format, objects }: FactReader,
  files: readonly FactFile[],
  slice: KeySlice,
): Promise<Fact[][]> {
  const byKey = new Map<string, Fact[]>();
  await inFlight(files, FILES_IN_FLIGHT, async file => {
    for (const fact of await decodeFacts(format, objects.open(file.object, file.bytes), { documents: true, slice })) {
      const known = byKey.get(fact.key);
      if (known) known.push(fact);
      else byKey.set(fact.key, [fact]);
    }
  });
  return [...byKey.values()].sort((a, b) => compareText(a[0]!.key, b[0]!.key));
}

async function readNewest(
  { format, objects }: FactReader,
  files: readonly FactFile[],
  slice: KeySlice,
  options: { readonly documents: boolean },
): Promise<Fact[]> {
  const newest = new Map<string, Fact>();
  await inFlight(files, FILES_IN_FLIGHT, async file => {
    for (const fact of await decodeFacts(format, objects.open(file.object, file.bytes), { ...options, slice })) {
      const known = newest.get(fact.key);
      if (!known || supersedes(fact, known)) newest.set(fact.key, fact);
    }
  });
  return [...newest.values()].sort((a, b) => compareText(a.key, b.key));
}

/** Of two facts with one version the first to get here stays: a repeated write changes nothing. */
const supersedes = (a: Fact, b: Fact): boolean =>
  a.version > b.version || (a.version === b.version && a.extractedAt < b.extractedAt);

const overlaps = ({ min_key, max_key }: FactFile, { from, below }: KeySlice): boolean =>
  max_key >= from && min_key < below;

/** Cuts the keys that the files have into slices that hold about equally much, keys being spread evenly. */
function* slicesOf(files: readonly FactFile[], whole: KeySlice, documents: boolean): Iterable<KeySlice> {
  const within = files.filter(file => overlaps(file, whole));
  if (within.length === 0) return;
  const sum = (of: (file: FactFile) => number) => within.reduce((total, file) => total + of(file), 0);
  const rows = sum(file => file.rows);
  const count = documents
    ? Math.max(rows / SLICE_ROWS, sum(file => file.document_bytes) / SLICE_BYTES)
    : rows / SLICE_ROWS_WITHOUT_DOCUMENTS;
  const [least] = extremes(within, ({ min_key }) => cutOf(min_key));
  const most = 1 + extremes(within, ({ max_key }) => cutOf(max_key))[1];
  const step = Math.max(1, Math.ceil((most - least) / Math.ceil(count)));
  for (let at = least; at < most; at += step) {
    const slice = {
      from: at === least || textOf(at) < whole.from ? whole.from : textOf(at),
      below: at + step >= most || textOf(at + step) > whole.below ? whole.below : textOf(at + step),
    };
    if (slice.from < slice.below) yield slice;
  }
}

const cutOf = (key: string): number => Number.parseInt(key.slice(0, CUT_DIGITS), 16);
const textOf = (cut: number): string => cut.toString(16).padStart(CUT_DIGITS, '0');

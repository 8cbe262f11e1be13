import { VALUE_GAP } from './analysis.ts';
import type { Doc } from './document.ts';
import type { Index } from './document-index.ts';
import { MATCH_NONE, NO_MATCH, type Query } from './query.ts';

/** Lucene's BM25 with its defaults. */
const K1 = 1.2;
const B = 0.75;

/** Documents with the word, scored by BM25; the word is taken as it is. */
export function wordScorer(path: string, word: string, index: Index): Query {
  const number = index.shard.dictionary.find(word);
  if (number === undefined) return MATCH_NONE;
  const frequency = (words: Uint32Array) => {
    let count = 0;
    for (const each of words) if (each === number) count++;
    return count;
  };
  const marks = [{ field: path, kind: 'word' as const, words: [word] }];
  return { score: scorer(path, index, [frequency], frequency), marks };
}

/** Documents with the words one after the other. */
export function phraseScorer(path: string, phrase: readonly string[], index: Index): Query {
  const numbers = phrase.map(word => index.shard.dictionary.find(word));
  if (numbers.length === 0 || numbers.includes(undefined)) return MATCH_NONE;
  const first = numbers[0];
  const single = numbers.map(number => (words: Uint32Array) => (words.includes(number as number) ? 1 : 0));
  const frequency = (words: Uint32Array) => {
    let count = 0;
    for (let at = words.indexOf(first as number); at >= 0; at = words.indexOf(first as number, at + 1)) {
      if (numbers.every((number, i) => words[at + i] === number)) count++;
    }
    return count;
  };
  const marks = [{ field: path, kind: 'phrase' as const, words: phrase }];
  return { score: scorer(path, index, single, frequency), marks };
}

/**
 * One pass over the index counts what the formula needs: how often each document holds the match, in how many documents
 * each word occurs (a phrase weighs as its words together), how long the field is on average.
 */
function scorer(
  path: string,
  index: Index,
  occurs: readonly ((words: Uint32Array) => number)[],
  frequency: (words: Uint32Array) => number,
): (doc: Doc) => number {
  const frequencies = new Map<Doc, number>();
  const documentFrequencies = occurs.map(() => 0);
  let holding = 0;
  let totalLength = 0;
  for (const doc of index.shard.docs) {
    const words = doc.words[path];
    if (!words || words.length === 0) continue;
    holding++;
    totalLength += fieldLength(words);
    const count = frequency(words);
    if (count > 0) frequencies.set(doc, count);
    for (const [i, test] of occurs.entries()) {
      if ((test === frequency ? count : test(words)) > 0) documentFrequencies[i]! += 1;
    }
  }
  const averageLength = totalLength / holding;
  const idf = documentFrequencies.reduce((sum, n) => sum + Math.log(1 + (holding - n + 0.5) / (n + 0.5)), 0);
  return doc => {
    const count = frequencies.get(doc);
    if (count === undefined) return NO_MATCH;
    const length = asStored(fieldLength(doc.words[path] as Uint32Array));
    return Math.fround(idf * (count / (count + K1 * (1 - B + (B * length) / averageLength))));
  };
}

function fieldLength(words: Uint32Array): number {
  let length = words.length;
  for (const word of words) if (word === VALUE_GAP) length--;
  return length;
}

/** Lucene keeps a length in one byte: exact to 40, then with three bits of precision (`SmallFloat.intToByte4`). */
function asStored(length: number): number {
  const FREE = 24;
  if (length < FREE) return length;
  const rest = length - FREE;
  const bits = 32 - Math.clz32(rest);
  if (bits < 4) return length;
  const shift = bits - 4;
  return FREE + (((rest >>> shift) & 0x0f) << shift);
}

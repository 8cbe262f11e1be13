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
  const marks = [{ field: path, kind: 'word' as const, words: [word] }];
  return { score: scorer(path, index, [number]), marks };
}

/** Documents with the words one after the other. */
export function phraseScorer(path: string, phrase: readonly string[], index: Index): Query {
  const numbers = phrase.map(word => index.shard.dictionary.find(word)).filter(number => number !== undefined);
  if (numbers.length === 0 || numbers.length < phrase.length) return MATCH_NONE;
  const marks = [{ field: path, kind: 'phrase' as const, words: phrase }];
  return { score: scorer(path, index, numbers), marks };
}

/**
 * One pass over the index counts what the formula needs: how often each document holds the phrase, in how many documents
 * each of its words occurs (a phrase weighs as its words together), how long the field is on average.
 */
function scorer(path: string, index: Index, phrase: readonly number[]): (doc: Doc) => number {
  const frequencies = new Map<Doc, number>();
  const holding = phrase.map(() => 0);
  let documents = 0;
  let totalLength = 0;
  for (const doc of index.shard.docs) {
    const text = doc.texts[path];
    if (!text || text.length === 0) continue;
    documents++;
    totalLength += text.length;
    let holdsAll = true;
    for (let i = 0; i < phrase.length; i++) {
      if (text.words.includes(phrase[i]!)) holding[i]! += 1;
      else holdsAll = false;
    }
    const count = holdsAll ? occurrences(text.words, phrase) : 0;
    if (count > 0) frequencies.set(doc, count);
  }
  const averageLength = totalLength / documents;
  const idf = holding.reduce((sum, n) => sum + Math.log(1 + (documents - n + 0.5) / (n + 0.5)), 0);
  return doc => {
    const count = frequencies.get(doc);
    if (count === undefined) return NO_MATCH;
    const length = asStored(doc.texts[path]!.length);
    return Math.fround(idf * (count / (count + K1 * (1 - B + (B * length) / averageLength))));
  };
}

function occurrences(words: Uint32Array, phrase: readonly number[]): number {
  let count = 0;
  for (let at = words.indexOf(phrase[0]!); at >= 0; at = words.indexOf(phrase[0]!, at + 1)) {
    let same = 1;
    while (same < phrase.length && words[at + same] === phrase[same]) same++;
    if (same === phrase.length) count++;
  }
  return count;
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

/** Where a highlighted word stands in the text, and which word it is. */
export interface Match {
  readonly start: number;
  readonly end: number;
  readonly word: string;
}

/** A part of the text that is shown, with the matches in it. */
export interface Fragment {
  readonly start: number;
  readonly end: number;
  readonly matches: readonly Match[];
}

/** Lucene's constants for which fragment tells most: as in BM25, and early ones a little better. */
const K1 = 1.2;
const B = 0.75;
/** The length of a usual fragment, in characters. */
const PIVOT = 87;

/**
 * Where Java ends a sentence, which is not where Unicode does: after `!` and `?` always, after a full stop only if a
 * letter follows that is not small, and at no line break.
 */
const SENTENCE_END =
  /(?:[!?。！？][.!?．。！？"'\p{Pe}\p{Pf}]*\s*|[.．][.!?．。！？"'\p{Pe}\p{Pf}]*\s+(?=["'\p{Ps}\p{Pi}]*[\p{Lu}\p{Lt}\p{Lo}\p{Lm}]))/gu;
/** What Java takes for one word: hyphens join, amounts of money are whole. */
const WORD =
  /[\p{Sc}#.]?\p{N}+(?:["',.]\p{N}+)*[\p{L}\p{M}\p{N}_%‰]*|[\p{L}\p{M}\p{N}_]+(?:[\p{Pd}"'.][\p{L}\p{M}\p{N}_]+)*|\s+|./gsu;

/**
 * Cuts a text into fragments around its matches, as Lucene's unified highlighter does: sentences, joined while they fit
 * into `size` characters and cut between words where one is longer.
 */
export function fragments(text: string, matches: readonly Match[], size: number): Fragment[] {
  const scanner = new Scanner(text, size);
  const found: { start: number; end: number; matches: Match[] }[] = [];
  let last: { start: number; end: number; matches: Match[] } | undefined;
  for (const match of matches) {
    if (!last || match.start >= last.end) {
      const start = Math.max(scanner.preceding(match.start + 1), last?.end ?? 0);
      last = { start, end: scanner.end, matches: [] };
      found.push(last);
    }
    last.matches.push(match);
  }
  return found;
}

/** `BoundedBreakIteratorScanner` of OpenSearch: a window of sentences, and within a long one a part of it. */
class Scanner {
  readonly #size: number;
  readonly #sentences: readonly number[];
  readonly #words: readonly number[];
  #windowStart = -1;
  #windowEnd = -1;
  #start = -1;
  #end = -1;

  constructor(text: string, size: number) {
    this.#size = size;
    this.#sentences = boundaries(SENTENCE_END, text);
    this.#words = boundaries(WORD, text);
  }

  get end(): number {
    return this.#end;
  }

  preceding(offset: number): number {
    if (offset > this.#windowStart && offset < this.#windowEnd) {
      this.#start = this.#end;
      this.#end = this.#windowEnd;
    } else this.#moveWindow(offset);
    if (this.#end - this.#start > this.#size) this.#cut(offset);
    return this.#start;
  }

  #moveWindow(offset: number): void {
    this.#start = before(this.#sentences, offset);
    this.#end = after(this.#sentences, offset - 1);
    while (this.#end - this.#start < this.#size) {
      const next = after(this.#sentences, this.#end);
      if (next < 0 || next - this.#start > this.#size) break;
      this.#end = next;
    }
    this.#windowStart = this.#start;
    this.#windowEnd = this.#end;
  }

  #cut(offset: number): void {
    if (offset - this.#size > this.#start) {
      this.#start = Math.max(this.#start, before(this.#words, offset - this.#size));
    }
    const remaining = Math.max(0, this.#size - (offset - this.#start));
    if (offset + remaining < this.#windowEnd) {
      this.#end = Math.min(this.#windowEnd, after(this.#words, offset + remaining));
    }
  }
}

/** The ends of all matches, with the text's own two ends. */
function boundaries(pattern: RegExp, text: string): number[] {
  const ends = Array.from(text.matchAll(pattern), match => match.index + match[0].length);
  return [...new Set([0, ...ends, text.length])];
}

/** The last boundary before the offset. */
function before(all: readonly number[], offset: number): number {
  return all.findLast(boundary => boundary < offset) ?? 0;
}

/** The first boundary after the offset, or -1. */
function after(all: readonly number[], offset: number): number {
  return all.find(boundary => boundary > offset) ?? -1;
}

/** How much a fragment tells, in a text of this many characters where each word occurs so often. */
export function fragmentScore(
  fragment: Fragment,
  textLength: number,
  occurrences: ReadonlyMap<string, number>,
): number {
  const length = fragment.end - fragment.start;
  const inside = new Map<string, number>();
  for (const { word } of fragment.matches) inside.set(word, (inside.get(word) ?? 0) + 1);
  let score = 0;
  for (const [word, count] of inside) {
    const fraction = count / (count + K1 * (1 - B + B * (length / PIVOT)));
    const pieces = 1 + textLength / PIVOT;
    score += fraction * (K1 + 1) * Math.log(1 + (pieces + 0.5) / ((occurrences.get(word) ?? 0) + 0.5));
  }
  return score * (1 + 1 / Math.log(PIVOT + fragment.start));
}

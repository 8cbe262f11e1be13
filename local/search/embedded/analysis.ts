/**
 * The `standard` analyzer: words by Unicode's text segmentation (UAX #29) as Lucene reads it, in lower case, no stop words.
 * Ideographs and Hiragana are words by the letter, Katakana by the run.
 */
export interface Token {
  readonly text: string;
  /** In UTF-16 units of the value. */
  readonly start: number;
  readonly end: number;
}

/** Lucene cuts a longer word into pieces of this many characters. */
const MAX_TOKEN_LENGTH = 255;

/** A letter is joined to a letter by `'.:`, a digit to a digit by `'.,;`; other punctuation separates. */
const ASCII_WORD = /(?=_*[A-Za-z0-9])\w+(?:(?:(?<=[A-Za-z])['.:](?=[A-Za-z])|(?<=\d)['.,;](?=\d))\w+)*/g;

const LETTER = '[\\p{Alphabetic}--[\\p{Ideographic}\\p{sc=Hiragana}\\p{sc=Katakana}]]';
const RUN = `[${LETTER}\\p{Nd}\\p{Pc}\\p{M}]+`;
const WORD = new RegExp(
  `(?=\\p{Pc}*[${LETTER}\\p{Nd}])${RUN}` +
    `(?:(?:(?<=${LETTER}\\p{M}*)['‘’.:·](?=${LETTER})|(?<=\\p{Nd})['‘’.,;](?=\\p{Nd}))${RUN})*` +
    '|[\\p{sc=Katakana}ー]+|[\\p{Ideographic}\\p{sc=Hiragana}]|\\p{Emoji_Presentation}',
  'gv',
);

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what it says
const ASCII = /^[\x00-\x7f]*$/;

export function analyze(value: string): Token[] {
  const tokens: Token[] = [];
  for (const { 0: word, index } of value.matchAll(ASCII.test(value) ? ASCII_WORD : WORD)) {
    for (let at = 0; at < word.length; at += MAX_TOKEN_LENGTH) {
      const piece = word.slice(at, at + MAX_TOKEN_LENGTH);
      tokens.push({ text: piece.toLowerCase(), start: index + at, end: index + at + piece.length });
    }
  }
  return tokens;
}

/** Words of one index, each with a number: a document's text is a list of numbers, which scans fast. */
export class Dictionary {
  readonly #numbers = new Map<string, number>();

  /** The word's number, given now if it is new. */
  learn(word: string): number {
    const known = this.#numbers.get(word);
    if (known !== undefined) return known;
    this.#numbers.set(word, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  /** The word's number; no document has a word without one. */
  find(word: string): number | undefined {
    return this.#numbers.get(word);
  }

  /** The numbers of all words that begin so. */
  startingWith(prefix: string): Set<number> {
    const found = new Set<number>();
    for (const [word, number] of this.#numbers) if (word.startsWith(prefix)) found.add(number);
    return found;
  }
}

/** Stands between the values of one field, so that no phrase spans two of them. */
const VALUE_GAP = 0xffff_ffff;

/** All values of a text field. */
export interface Text {
  /** Their numbers, in order. */
  readonly words: Uint32Array;
  /** How many they are, gaps not counted. */
  readonly length: number;
}

export function encode(values: readonly string[], dictionary: Dictionary): Text {
  const numbers: number[] = [];
  let length = 0;
  for (const value of values) {
    if (numbers.length > 0) numbers.push(VALUE_GAP);
    for (const token of analyze(value)) {
      numbers.push(dictionary.learn(token.text));
      length++;
    }
  }
  return { words: Uint32Array.from(numbers), length };
}

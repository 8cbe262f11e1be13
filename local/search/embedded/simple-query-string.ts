import { analyze } from './analysis.ts';
import type { Index } from './document-index.ts';
import type { JsonObject } from './json.ts';
import { best, boost, combine, MATCH_ALL, MATCH_NONE, minimumShouldMatch, type Query } from './query.ts';
import { prefix } from './query-fields.ts';
import { lenient, match, type Operator, parseFields, parseOperator, phrase, type WeightedField } from './query-text.ts';
import { invalid, notSpoken, only } from './refusal.ts';

/** What a user types: words, `"phrases"`, `pre*`, `+ | - ( )`. It never fails to parse. */
export function compileSimpleQueryString(json: JsonObject, index: Index): Query {
  const { query, fields: names, default_operator, minimum_should_match, boost: factor, ...options } = json;
  only(['lenient'], options, '[simple_query_string]');
  if (typeof query !== 'string') throw invalid('[simple_query_string] query text missing');
  const { fields, all } = parseFields(names, index);
  const parser = new Parser(query, parseOperator(default_operator), {
    fields,
    lenient: options.lenient === true || (all && options.lenient === undefined),
    index,
  });
  const parsed = parser.parse();
  if (!parsed) return MATCH_NONE;
  if (minimum_should_match === undefined || !parsed.optional) return boost(parsed.query, factor);
  const least = Math.max(1, minimumShouldMatch(minimum_should_match, parsed.optional.length));
  return boost(combine({ optional: parsed.optional, least }), factor);
}

interface Where {
  readonly fields: readonly WeightedField[];
  readonly lenient: boolean;
  readonly index: Index;
}

/** A query so far; `optional` where it is a list of alternatives, of which a minimum can be asked. */
interface Tree {
  readonly query: Query;
  readonly optional?: readonly Query[];
}

/** Lucene's `SimpleQueryParser`: operators apply from left to right; a change of operator wraps what came before. */
class Parser {
  readonly #text: string;
  readonly #operator: Operator;
  readonly #where: Where;

  constructor(text: string, operator: Operator, where: Where) {
    this.#text = text;
    this.#operator = operator;
    this.#where = where;
  }

  parse(from = 0, to = this.#text.length): Tree | undefined {
    let clauses: Query[] = [];
    let joinedBy: Operator | undefined;
    let next: Operator | undefined;
    let negations = 0;
    const add = (query: Query | undefined): void => {
      if (query) {
        const clause = negations % 2 === 1 ? combine({ excluded: [query], optional: [MATCH_ALL], least: 0 }) : query;
        const operator = next ?? this.#operator;
        if (clauses.length > 0) {
          if (clauses.length > 1 && joinedBy !== operator) clauses = [this.#join(clauses, joinedBy as Operator)];
          joinedBy = operator;
        }
        clauses.push(clause);
      }
      next = undefined;
    };
    for (let at = from; at < to; ) {
      const c = this.#text[at] as string;
      if (c === '-') {
        negations++;
        at++;
        continue;
      }
      if (c === '+' || c === '|') {
        if (next === undefined && clauses.length > 0) next = c === '+' ? 'and' : 'or';
        at++;
      } else if (c === ')' || /\s/.test(c)) at++;
      else at = this.#operand(at, to, add);
      negations = 0;
    }
    if (clauses.length === 0) return undefined;
    if (clauses.length === 1) return { query: clauses[0] as Query };
    const query = this.#join(clauses, joinedBy as Operator);
    return joinedBy === 'or' ? { query, optional: clauses } : { query };
  }

  #join(clauses: readonly Query[], operator: Operator): Query {
    return operator === 'and' ? combine({ required: clauses, least: 0 }) : combine({ optional: clauses, least: 1 });
  }

  /** Reads one group, phrase or word and hands it on; returns where it ends. */
  #operand(at: number, to: number, add: (query: Query | undefined) => void): number {
    const c = this.#text[at];
    const end = c === '(' ? this.#closing(at, to) : c === '"' ? this.#unescaped('"', at + 1, to) : -1;
    if (end < 0) return c === '(' || c === '"' ? at + 1 : this.#word(at, to, add);
    if (c === '(') {
      add(this.parse(at + 1, end)?.query);
      return end + 1;
    }
    if (/^~[1-9]/.test(this.#text.slice(end + 1, to))) throw notSpoken('slop in [simple_query_string]');
    const words = withoutEscapes(this.#text.slice(at + 1, end));
    if (words !== '') add(this.#inFields(path => phrase(path, words, this.#where.index)));
    return end + 1;
  }

  #word(at: number, to: number, add: (query: Query | undefined) => void): number {
    let end = at;
    while (end < to && !/["|+()\s]/.test(this.#text[end] as string)) end += this.#text[end] === '\\' ? 2 : 1;
    end = Math.min(end, to);
    const raw = this.#text.slice(at, end);
    if (/[^\\]~\d*$/.test(raw)) throw notSpoken('fuzzy words in [simple_query_string]');
    const { index } = this.#where;
    if (/(?<!\\)\*$/.test(raw) && raw.length > 1) {
      const start = withoutEscapes(raw.slice(0, -1)).toLowerCase();
      add(this.#inFields(path => prefix(path, start, false, index)));
      return end;
    }
    const word = withoutEscapes(raw);
    const how = { operator: this.#operator, least: undefined };
    // Punctuation alone is no clause at all where only text is searched, rather than one that never matches.
    const isClause =
      analyze(word).length > 0 || this.#where.fields.some(({ path }) => index.mapping.field(path)?.type !== 'text');
    add(isClause ? this.#inFields(path => match(path, word, how, index)) : undefined);
    return end;
  }

  #inFields(make: (path: string) => Query): Query {
    const { fields, lenient: pass } = this.#where;
    if (fields.length === 0) return MATCH_NONE;
    return best(
      fields.map(({ path, weight }) =>
        boost(
          lenient(pass, () => make(path)),
          weight,
        ),
      ),
      1,
    );
  }

  #closing(at: number, to: number): number {
    let depth = 0;
    for (let i = at; i < to; i++) {
      if (this.#text[i] === '\\') i++;
      else if (this.#text[i] === '(') depth++;
      else if (this.#text[i] === ')' && --depth === 0) return i;
    }
    return -1;
  }

  #unescaped(c: string, at: number, to: number): number {
    for (let i = at; i < to; i++) {
      if (this.#text[i] === '\\') i++;
      else if (this.#text[i] === c) return i;
    }
    return -1;
  }
}

const withoutEscapes = (text: string) => text.replace(/\\(.)/gs, '$1');

import { readFileSync } from 'node:fs';
import { Option } from 'commander';
import { parse } from 'yaml';
import * as z from 'zod';
import { DistributaryError } from '../../core/errors.ts';
import { type Shadowed, shadowQuerySchema } from '../../functions/operate/shadow/shadow.ts';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations } from '../operate/asking.ts';
import { tableLines } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { count, counted } from '../terminal/wording.ts';

interface ShadowOptions extends AskingOptions {
  readonly candidate?: string;
  readonly queries?: string;
}

const SHOWN_DIFFERENCES = 10;

export const shadowCommand: Command<ShadowOptions> = {
  usage: 'shadow <store>',
  summary: 'ask two targets of a store what readers ask, and say whether readers may move',
  description: `Number of results, first results, missing records, what is shown to whom, latency and errors, each query as everyone
and as single tenants; what differs is asked again, for a change may be on its way. --queries names a YAML or JSON list of
{ name, text, where, index, key }; without it queries are made of the contract's fields and indexes. Exits 1 when readers should stay.`,
  examples: [
    { line: 'distributary shadow case-search', what: 'the target that a rebuild has made, against the current one' },
    { line: 'distributary shadow case-search --queries queries.yaml', what: 'what your readers really ask' },
  ],
  options: [
    new Option('--candidate <target>', 'which target (default: the only other one)'),
    new Option('--queries <file>', 'a list of queries, YAML or JSON'),
    ...askingOptions(),
  ],

  run: ([store = ''], { candidate, queries, ...asking }, { terminal, json }) =>
    withOperations(asking, async operations => {
      const shadowed = await operations.ask('shadow.ask', {
        store,
        ...(candidate !== undefined && { candidate }),
        ...(queries !== undefined && { queries: readQueries(queries) }),
      });
      if (json) terminal.print(JSON.stringify(shadowed));
      else for (const line of shadowLines(shadowed, terminal)) terminal.print(line);
      return shadowed.gate.passes ? EXIT.fine : EXIT.found;
    }),
};

function readQueries(file: string): z.input<typeof shadowQuerySchema>[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const hint = 'name a file with a list of queries';
    throw new DistributaryError('usage', `${file} cannot be read`, { hint, cause });
  }
  const result = z.array(shadowQuerySchema).min(1).safeParse(parse(text));
  if (result.success) return result.data;
  const what = result.error.issues.map(({ path, message }) => `${path.join('.') || 'list'}: ${message}`).join('; ');
  const hint = 'a query is { name, text, where, index, key }; only name must be there';
  throw new DistributaryError('usage', `${file}: ${what}`, { hint });
}

function* shadowLines({ current, candidate, report, gate }: Shadowed, { paint }: Terminal): Iterable<string> {
  const { asked, sameTotal, overlap, missing, exposed, errors, p95Milliseconds, differences } = report;
  yield `${counted(asked, 'question')} asked of ${current} and of ${candidate}`;
  yield `  the same number of results ${count(sameTotal)}, first results agree by ${(overlap * 100).toFixed(1)}%`;
  yield `  missing ${count(missing)}, shown to those who may not see it ${count(exposed)}`;
  yield `  p95 ${p95Milliseconds.current.toFixed(1)} and ${p95Milliseconds.candidate.toFixed(1)} ms, errors ${count(errors.current)} and ${count(errors.candidate)}`;
  if (differences.length > 0) {
    yield* tableLines(differences.slice(0, SHOWN_DIFFERENCES), [
      { title: 'query', of: ({ query }) => query },
      { title: 'as', of: ({ principal }) => principal },
      { title: 'current', of: ({ currentTotal }) => currentTotal },
      { title: 'candidate', of: ({ candidateTotal }) => candidateTotal },
      { title: 'missing', of: one => one.missing.length },
      { title: 'exposed', of: one => one.exposed.length },
    ]);
  }
  for (const reason of gate.reasons) yield paint('bad', `  ${reason}`);
  yield gate.passes ? paint('good', '  readers may move') : paint('bad', '  readers should stay');
}

import { lintContracts } from '../../core/governance/contract-lint.ts';
import { type Finding, isProblem, type Result } from '../../core/governance/finding.ts';
import { type Command, EXIT } from '../command.ts';
import type { Terminal, Tone } from '../terminal/terminal.ts';
import { counted } from '../terminal/wording.ts';
import { catalogueAt, chosenStores, type RootOptions, rootOption } from './contract-root.ts';

const SHOWN: Readonly<Record<Result, readonly [string, Tone]>> = {
  pass: ['pass', 'good'],
  fail: ['fail', 'bad'],
  missing: ['missing', 'warning'],
  exempt: ['–', 'faint'],
};
const WIDTH = Math.max(...Object.values(SHOWN).map(([word]) => word.length));

export const contractLintCommand: Command<RootOptions> = {
  usage: 'lint [store]',
  summary: 'ask every store what a store has to answer',
  description: `The production checklist and the justification test, item by item: it holds, it fails, or the sentence that nobody has
written yet, with file, line and key. For all stores also who decides each fact; two writers of one fail. Exits 1 when
something fails or is missing.`,
  examples: [
    { line: 'distributary contract lint', what: 'all stores, and the authority of every fact' },
    { line: 'distributary contract lint case-search', what: 'one store' },
    { line: 'distributary contract lint --json | jq .problems', what: 'what is wrong, for machines' },
  ],
  options: [rootOption()],

  async run([store], options, { terminal, json }) {
    const catalogue = catalogueAt(options);
    const names = chosenStores(catalogue, store).map(({ store_name }) => store_name);
    const findings = lintContracts(catalogue).filter(
      ({ subject, from }) => (store === undefined && from === 'authority') || names.includes(subject),
    );
    const problems = findings.filter(isProblem);
    if (json) terminal.print(JSON.stringify({ findings, problems }));
    else show(findings, terminal);
    return problems.length > 0 ? EXIT.found : EXIT.fine;
  },
};

function show(findings: readonly Finding[], terminal: Terminal): void {
  let heading = '';
  for (const found of findings) {
    const next = `${found.subject}: ${found.from}`;
    if (next !== heading) terminal.print(terminal.paint('strong', next));
    heading = next;
    const [word, tone] = SHOWN[found.result];
    terminal.print(`  ${terminal.paint(tone, word.padEnd(WIDTH))}  ${found.asks}`);
    if (isProblem(found)) for (const line of problemLines(found)) terminal.print(`  ${' '.repeat(WIDTH)}  ${line}`);
  }
  const problems = findings.filter(isProblem).length;
  terminal.print(
    `${counted(findings.length, 'question')}, ${problems === 0 ? 'all answered' : `${counted(problems, 'answer')} to mend`}`,
  );
}

function problemLines({ place, message, hint, key }: Finding): readonly string[] {
  const where = [place.file, place.line, place.column].filter(part => part !== undefined).join(':');
  return [`${where}: ${message} (${key})`, ...(hint ? [`hint: ${hint}`] : [])];
}

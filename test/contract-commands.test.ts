import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runCommandLine } from '../bin/command-line.ts';
import { COMMANDS } from '../bin/commands/all.ts';
import { capturedTerminal } from './captured-terminal.ts';
import { REQUIRED_EXAMPLE } from './contract-sources.ts';

const ROOT = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'distributary-contracts-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function contract(...args: readonly string[]) {
  const { terminal, out, err } = capturedTerminal();
  const line = { name: 'distributary', version: '1.2.3', summary: 'keeps stores honest', commands: COMMANDS };
  const surroundings = { terminal, signal: new AbortController().signal, debug: false };
  const code = await runCommandLine(line, ['contract', ...args], surroundings);
  return { code, out: out(), err: err() };
}

test('lint exits 0 when everything is answered', async () => {
  const { code, out } = await contract('lint', '--root', ROOT);
  expect(code).toBe(0);
  expect(out).toMatch(/ {2}pass {5}Exit strategy exists\.\n/);
  expect(out).toMatch(/\d+ questions, all answered\n$/);
});

test('lint exits 1 and says the missing sentence with file, line and key; 2 where a contract does not parse', async () => {
  cpSync(join(ROOT, 'contracts'), join(folder, 'contracts'), { recursive: true });
  const file = join(folder, 'contracts/stores/case-search-index.yaml');
  writeFileSync(file, REQUIRED_EXAMPLE);
  const { code, out } = await contract('lint', 'case-search-index', '--root', folder);
  expect(code).toBe(1);
  expect(out).toMatch(
    / {2}missing {2}Exit strategy exists\.\n +contracts\/stores\/case-search-index\.yaml:\d+:\d+: .*\(governance\.decision\.exit_plan\)\n +hint: say how to migrate away/,
  );
  const json = JSON.parse((await contract('lint', '--json', '--root', folder)).out);
  expect(json.problems).toHaveLength(17);
  expect(json.problems[0]).toMatchObject({
    result: 'missing',
    place: { file: 'contracts/stores/case-search-index.yaml' },
  });

  writeFileSync(file, readFileSync(file, 'utf8').replace('role: projection', 'role: projektion'));
  const broken = await contract('lint', '--root', folder);
  expect(broken).toMatchObject({
    code: 2,
    err: expect.stringMatching(/case-search-index\.yaml:2:7: unknown role "projektion"/),
  });
  rmSync(file);
});

test('a store that has no contract is answered with those that have', async () => {
  for (const verb of ['lint', 'adr', 'runbook']) {
    const { code, err } = await contract(verb, 'case-serch', '--root', ROOT);
    expect([code, err]).toEqual([2, expect.stringMatching(/no store "case-serch".*\n.*did you mean "case-search"/)]);
  }
});

test('authority exits 1 when a fact has two writers', async () => {
  expect((await contract('authority', '--root', folder)).code).toBe(0);
  const file = join(folder, 'contracts/aggregates/case.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('key: case_id, aggregate: evidence', 'key: case_id'));
  const { code, out } = await contract('authority', '--root', folder);
  expect([code, out]).toEqual([1, expect.stringMatching(/aggregates\/case\.yaml:\d+: evidence has two writers/)]);
});

test('matrix, adr and runbook answer in words and in JSON', async () => {
  expect((await contract('matrix', '--root', ROOT)).out).toMatch(/^data responsibility +owner +store/);
  expect(JSON.parse((await contract('matrix', '--json', '--root', ROOT)).out)).toContainEqual(
    expect.objectContaining({ responsibility: 'case', store: 'case-service-postgres' }),
  );
  const adr = (await contract('adr', 'case-search', '--root', ROOT)).out;
  expect(adr.match(/^## .*$/gm)).toEqual(
    [
      ...['Status', 'Context', 'Existing alternatives', 'Decision', 'Ownership', 'Consistency contract'],
      ...['Integration pattern', 'Recovery', 'Security and compliance', 'Consequences', 'Exit plan', 'Revisit when'],
    ].map(title => `## ${title}`),
  );
  expect(adr).not.toContain('Not said yet');
  const runbook = JSON.parse((await contract('runbook', 'case-search', '--json', '--root', ROOT)).out);
  expect(runbook.alarms[0]).toMatchObject({
    alarm: 'case-search-stale',
    steps: [{ type: 'distributary status' }, {}, {}],
  });
});

test('a record of a store about which nothing was said names each key to fill', async () => {
  writeFileSync(join(folder, 'contracts/stores/case-search-index.yaml'), REQUIRED_EXAMPLE);
  const { out } = await contract('adr', 'case-search-index', '--root', folder);
  expect(out).toContain('_Not said yet: governance.decision.exit_plan in contracts/stores/case-search-index.yaml._');
});

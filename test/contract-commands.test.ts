import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { REQUIRED_EXAMPLE } from './contract-sources.ts';
import { typedAlone } from './typed-commands.ts';

const ROOT = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'distributary-contracts-'));
afterAll(() => rmSync(folder, { recursive: true }));

const contract = (...args: readonly string[]) => typedAlone(['contract', ...args]);

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
    steps: [{ type: 'distributary doctor' }, {}],
  });
});

test('a record of a store about which nothing was said names each key to fill', async () => {
  writeFileSync(join(folder, 'contracts/stores/case-search-index.yaml'), REQUIRED_EXAMPLE);
  const { out } = await contract('adr', 'case-search-index', '--root', folder);
  expect(out).toContain('_Not said yet: governance.decision.exit_plan in contracts/stores/case-search-index.yaml._');
});

describe("in a team's repository", () => {
  const EXAMPLE = join(ROOT, 'examples', 'team-projector');
  const STORE = 'case-headlines';
  const ofTeam = async (...words: readonly string[]) => {
    const { code, out, err } = await typedAlone([...words, '--root', EXAMPLE, '--json']);
    expect({ code, err }).toEqual({ code: expect.any(Number), err: '' });
    expect([words, code]).not.toEqual([words, 2]);
    return JSON.parse(out);
  };

  test("its contracts are asked among those of the pipeline's", async () => {
    const { findings, problems } = await ofTeam('contract', 'lint');
    expect(new Set(problems.map(({ subject }: { subject: string }) => subject))).toEqual(new Set([STORE]));
    expect(findings).toContainEqual(expect.objectContaining({ subject: 'case-search', result: 'pass' }));
    expect(await ofTeam('contract', 'matrix')).toContainEqual(expect.objectContaining({ store: STORE }));
    const { facts } = await ofTeam('contract', 'authority');
    expect(facts.flatMap(({ copies }: { copies: string[] }) => copies)).toContainEqual(expect.stringContaining(STORE));
    expect((await ofTeam('contract', 'adr', STORE)).text).toContain('## Decision');
    const { files } = await ofTeam('contract', 'export', '--format', 'odcs');
    expect(files.map(({ path }: { path: string }) => path)).toContain(`odcs/${STORE}.yaml`);
    const { costs } = await ofTeam('cost');
    expect(costs.map(({ store }: { store: string }) => store)).toEqual(expect.arrayContaining([STORE, 'case-search']));
  });

  test('its runbook is the page that its alarms name', async () => {
    const page = readFileSync(join(EXAMPLE, 'docs/generated/runbooks', `${STORE}.md`), 'utf8');
    expect((await contract('runbook', STORE, '--root', EXAMPLE)).out).toBe(page);
  });

  test('a plan compares it with itself as it was, in a folder or in git', async () => {
    const team = join(folder, 'team');
    cpSync(join(EXAMPLE, 'contracts'), join(team, 'contracts'), { recursive: true });
    const file = join(team, 'contracts/stores', `${STORE}.yaml`);
    writeFileSync(file, readFileSync(file, 'utf8').replace('document_version: 1', 'document_version: 2'));
    const asked = expect.objectContaining({ subject: STORE, key: 'schema_evolution.document_version' });
    expect(JSON.parse((await contract('plan', EXAMPLE, team, '--json')).out).steps).toEqual([asked]);

    const git = (...args: string[]) => expect(spawnSync('git', ['-C', team, ...args])).toMatchObject({ status: 0 });
    git('init', '--quiet');
    git('add', '.');
    git('-c', 'user.name=n', '-c', 'user.email=e', 'commit', '--quiet', '--message', 'first');
    cpSync(join(EXAMPLE, 'contracts'), join(team, 'contracts'), { recursive: true });
    const cli = ['node', join(ROOT, 'bin/distributary.ts'), 'contract', 'plan', 'HEAD', '--json'];
    const { status, stdout } = spawnSync('env', ['-C', team, ...cli], { encoding: 'utf8' });
    expect({ status, steps: JSON.parse(stdout).steps }).toEqual({ status: 1, steps: [asked] });
  });
});

test('a folder without contracts, and a folder where a contract should be, are named', async () => {
  const nowhere = join(folder, 'nowhere');
  const { code, err } = await contract('lint', '--root', nowhere);
  expect([code, err]).toEqual([2, expect.stringContaining(`no folder ${nowhere}/contracts/stores (contract-missing)`)]);
  mkdirSync(join(nowhere, 'contracts/stores/x.yaml'), { recursive: true });
  const { err: read } = await contract('lint', '--root', nowhere);
  expect(read).toMatch(/^contracts\/stores\/x\.yaml: cannot be read: EISDIR.*\(contract-unreadable\)\n {2}hint: /);
});

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { contractPlanCommand } from '../bin/commands/contract-plan.ts';
import { contractPlan } from '../core/governance/contract-plan.ts';
import { needsAnOperator } from '../core/governance/plan-step.ts';
import { capturedTerminal } from './captured-terminal.ts';
import { contractsWith, type Edits, REQUIRED_EXAMPLE, shippedContracts } from './contract-sources.ts';

const ROOT = resolve(import.meta.dirname, '..');
const shipped = shippedContracts();
const planOf = (edits: Edits) => contractPlan(shipped, contractsWith(edits));

const replace =
  (from: string | RegExp, to: string) =>
  (text: string): string =>
    text.replace(from, to);
const raised = (text: string): string => text.replace('document_version: 1', 'document_version: 2');

test('contracts that are the same ask for nothing at all', () => {
  expect(contractPlan(shipped, shippedContracts())).toEqual([]);
});

const timelineKeys = (keys: string): Edits => ({
  'stores/case-timeline': replace('keys: [2026-11]', `keys: [${keys}]`),
});

/** What is changed → which key is said to differ, what that asks for, and why. */
const CHANGES: readonly (readonly [string, Edits, string, string, RegExp])[] = [
  [
    'a sentence',
    { 'stores/case-search': replace(/description: .*/, 'description: Search.') },
    'description',
    'nothing',
    /people read it/,
  ],
  [
    'a decision',
    { 'stores/case-search': replace('status: accepted', 'status: deprecated') },
    'governance.decision.status',
    'nothing',
    /people read it/,
  ],
  [
    'an alarm',
    { 'stores/case-search': replace('60_seconds', '90_seconds') },
    'freshness_contract.maximum_before_alert',
    'deploy',
    /alarms/,
  ],
  [
    'an owner',
    { 'stores/case-search': replace('owner_team: case-platform', 'owner_team: insights') },
    'owner_team',
    'deploy',
    /tags/,
  ],
  [
    'a delivery',
    { 'stores/case-search': text => `${text}delivery: { batch_packs: 5 }\n` },
    'delivery.batch_packs',
    'deploy',
    /queues/,
  ],
  [
    'a mask',
    { 'stores/case-search': replace('zip: { type: keyword, pii: personal', 'zip: { type: keyword, pii: sensitive') },
    'fields.zip.pii',
    'deploy',
    /mask/,
  ],
  [
    'a protection',
    {
      'stores/investigator-worklist': text =>
        `${text.replace('title: { type: text }', 'title: { type: text, protected: true }')}protection: { keys: [a] }\n`,
    },
    'fields.title.protected',
    'deploy',
    /keys rotate investigator-worklist/,
  ],
  [
    'a protection that ends',
    { 'stores/case-timeline': text => text.replace('protected: true, ', '').replace(/protection:\n.*\n/, '') },
    'fields.entries.protected',
    'rebuild',
    /other protected/,
  ],
  ['a new key', timelineKeys('2026-11, 2026-12'), 'protection.keys', 'deploy', /may open with the new key/],
  ['a new key that is first', timelineKeys('2026-12, 2026-11'), 'protection.keys', 'deploy', /name it last, deploy/],
  ['a key that goes', timelineKeys('2026-12'), 'protection.keys', 'deploy', /name it last/],
  [
    'a new field',
    { 'stores/case-facts': text => raised(text.replace('fields:\n', 'fields:\n  consent: { type: keyword }\n')) },
    'fields.consent',
    'rebuild',
    /lack consent$/,
  ],
  [
    'a new field, and no new version',
    { 'stores/case-facts': replace('fields:\n', 'fields:\n  consent: { type: keyword }\n') },
    'fields.consent',
    'rebuild',
    /raise schema_evolution\.document_version/,
  ],
  [
    'a field that goes',
    { 'stores/case-facts': replace(/ {2}timely: .*\n/, '') },
    'fields.timely',
    'rebuild',
    /still have timely/,
  ],
  [
    'a type',
    { 'stores/case-search': replace('issue: { type: keyword }', 'issue: { type: text }') },
    'fields.issue.type',
    'rebuild',
    /the other type/,
  ],
  [
    'an index',
    {
      'stores/investigator-worklist': replace(
        '  by-investigator:',
        '  by-status: { partition: status }\n  by-investigator:',
      ),
    },
    'indexes.by-status',
    'rebuild',
    /when it is made/,
  ],
  [
    'a document version',
    { 'stores/case-search': raised },
    'schema_evolution.document_version',
    'rebuild',
    /new target/,
  ],
  [
    'an engine',
    { 'stores/case-search': replace('engine: opensearch', 'engine: dynamodb') },
    'engine',
    'new store',
    /another engine/,
  ],
  [
    'the lane of a change',
    {
      'aggregates/case': replace(
        'closed: { when: { becomes: { status: closed } }, lane: standard',
        'closed: { when: { becomes: { status: closed } }, lane: priority',
      ),
    },
    'changes',
    'deploy',
    /triggers/,
  ],
  [
    'where a value comes from',
    { 'aggregates/case': replace('sql: investigator.display_name', 'sql: upper(investigator.display_name)') },
    'versions.1.properties.investigator_name.sql',
    'rebuild',
    /case-search.*same number/,
  ],
];

test.each(CHANGES)('%s', (_, edits, key, action, reason) => {
  const steps = planOf(edits);
  expect(steps.map(step => step.key)).toContain(key);
  const step = steps.find(one => one.key === key)!;
  expect([step.action, step.reason]).toEqual([action, expect.stringMatching(reason)]);
});

test('a store that comes has to be filled, one that goes has to be retired; each is one step', () => {
  const withOne = contractsWith({ 'stores/case-search-index': () => REQUIRED_EXAMPLE });
  const [came, ...others] = contractPlan(shipped, withOne);
  expect([came, others]).toMatchObject([{ subject: 'case-search-index', action: 'new store' }, []]);
  expect(contractPlan(withOne, shipped)).toMatchObject([{ subject: 'case-search-index', action: 'retire' }]);
  expect([came, ...contractPlan(withOne, shipped)].every(step => needsAnOperator(step!))).toBe(true);
});

test('only what a pipeline feeds can be filled by it', () => {
  const without = contractsWith({ 'stores/evidence-content': () => undefined });
  expect(contractPlan(without, shipped)).toMatchObject([{ action: 'new store', reason: 'deploy it' }]);
  const [gone] = contractPlan(shipped, without);
  expect(gone).toMatchObject({ action: 'retire', reason: expect.not.stringContaining('distributary retire') });
});

test('a value that no store reads asks for a deployment, one that a projector may read for a rebuild', () => {
  const add = replace(
    '      created_at: { type: string',
    '      colour: { type: string, pii: none }\n      created_at: { type: string',
  );
  expect(planOf({ 'aggregates/tenant': add })).toMatchObject([{ subject: 'tenant', action: 'deploy' }]);
  const remove = planOf({ 'aggregates/case': replace(/ {6}consent: .*\n/, '') });
  expect(remove).toMatchObject([
    { action: 'rebuild', reason: expect.stringMatching(/^case-timeline, investigator-worklist hold/) },
  ]);
});

describe('the command', () => {
  const folder = mkdtempSync(join(tmpdir(), 'distributary-plan-'));
  const git = (...args: string[]) => {
    const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.com', '-c', 'commit.gpgsign=false'];
    const { status, stderr } = spawnSync('git', [...identity, ...args], { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  const edit = (change: (text: string) => string) => {
    const file = join(folder, 'contracts/stores/case-search.yaml');
    writeFileSync(file, change(readFileSync(file, 'utf8')));
  };
  async function plan(...args: string[]) {
    const { terminal, out } = capturedTerminal();
    const before = process.cwd();
    process.chdir(folder);
    try {
      const code = await contractPlanCommand.run(
        args,
        {},
        { terminal, json: true, signal: new AbortController().signal },
      );
      return { code, ...(JSON.parse(out()) as { steps: { action: string }[]; operatorNeeded: boolean }) };
    } finally {
      process.chdir(before);
    }
  }

  beforeAll(() => {
    cpSync(join(ROOT, 'contracts'), join(folder, 'contracts'), { recursive: true });
    git('init', '--quiet');
    git('add', '.');
    git('commit', '--quiet', '-m', 'one');
    git('tag', 'one');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('exits 0 for what a deployment carries out, 1 for what somebody has to do; folders and revisions alike', async () => {
    expect(await plan('one')).toEqual({ code: 0, steps: [], operatorNeeded: false });
    edit(text => text.replace('60_seconds', '90_seconds'));
    expect(await plan('one')).toMatchObject({ code: 0, steps: [{ action: 'deploy' }] });
    git('commit', '--quiet', '-am', 'two');
    edit(raised);
    expect(await plan('HEAD')).toMatchObject({ code: 1, steps: [{ action: 'rebuild' }], operatorNeeded: true });
    expect(await plan('one', 'HEAD')).toMatchObject({ code: 0, steps: [{ action: 'deploy' }] });
    expect((await plan('one', '.')).steps).toHaveLength(2);
    expect(await plan(join(folder, 'contracts'), folder)).toMatchObject({ code: 0, steps: [] });
  });

  test('refuses what is neither a folder nor a revision, and a revision whose contracts do not parse', async () => {
    await expect(plan('nowhere')).rejects.toThrow(/"nowhere" is neither a folder nor a git revision here/);
    await expect(plan('--upload-pack=x')).rejects.toThrow(/is neither a folder nor a git revision here/);
    edit(text => text.replace('role: projection', 'role: projektion'));
    git('commit', '--quiet', '-am', 'broken');
    git('tag', 'broken');
    await expect(plan('broken', 'one')).rejects.toThrow(/unknown role "projektion"/);
  });
});

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { together } from '../local/app-run.ts';
import { isAlive } from '../local/process-life.ts';
import { synthesised } from '../local/synthesis.ts';
import { synthesisedTeam } from '../local/team-synthesis.ts';

const ROOT = resolve(import.meta.dirname, '..');
const POLL_MS = 20;
const folder = mkdtempSync(join(tmpdir(), 'distributary-synthesis-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes its process id into its output folder, and never comes to an end. */
const ENDLESS = `import { mkdirSync, writeFileSync } from 'node:fs';
mkdirSync(process.env.CDK_OUTDIR, { recursive: true });
writeFileSync(process.env.CDK_OUTDIR + '/pid', String(process.pid));
setInterval(() => {}, 1000);
`;
const READY =
  "import { writeFileSync } from 'node:fs';\nwriteFileSync(process.env.CDK_OUTDIR + '/manifest.json', '{}');\n";

/** A repository whose app does no more than this. */
function repository(name: string, app: string): { readonly root: string; readonly cache: string } {
  const root = join(folder, name);
  mkdirSync(join(root, 'bin'), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(root, 'cdk.json'), '{ "app": "node bin/app.ts" }');
  writeFileSync(join(root, 'bin', 'app.ts'), app);
  return { root, cache: join(root, 'cache') };
}

/** The process that runs an endless app, once it runs. */
async function runningIn(outDir: () => string): Promise<number> {
  for (;;) {
    const file = join(outDir(), 'pid');
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (text !== '') return Number(text);
    await delay(POLL_MS);
  }
}
const onlyIn = (cache: string): string => join(cache, existsSync(cache) ? (readdirSync(cache)[0] ?? '') : '');

test('what was begun has ended, and left nothing, before the failure of another step is told', async () => {
  const { root, cache } = repository('endless', ENDLESS);
  const outDir = join(root, 'team');
  const pids: number[] = [];
  const all = together(signal => [
    synthesised({ root, cache, onLog: () => {}, signal }),
    synthesisedTeam(root, outDir, signal),
    (async () => {
      pids.push(await runningIn(() => onlyIn(cache)), await runningIn(() => outDir));
      throw new Error('a step failed');
    })(),
  ]);
  await expect(all).rejects.toThrow('a step failed');
  expect(pids.map(isAlive)).toEqual([false, false]);
  expect([readdirSync(cache), existsSync(outDir)]).toEqual([[], false]);
});

test('a process that is killed takes its synthesis along, and the next start removes the draft', async () => {
  const { root, cache } = repository('killed', ENDLESS);
  const call = `import { synthesised } from ${JSON.stringify(join(ROOT, 'local/synthesis.ts'))};
    const signal = new AbortController().signal;
    await synthesised({ root: ${JSON.stringify(root)}, cache: ${JSON.stringify(cache)}, onLog() {}, signal });`;
  const starting = spawn(process.execPath, ['--input-type=module', '--eval', call], { stdio: 'inherit' });
  const app = await runningIn(() => onlyIn(cache));
  const left = onlyIn(cache);
  const gone = new Promise(done => starting.once('close', done));
  starting.kill('SIGKILL');
  await gone;
  while (isAlive(app)) await delay(POLL_MS);
  const another = join(cache, `0123456789abcdef.${process.pid}`);
  mkdirSync(another);

  writeFileSync(join(root, 'bin', 'app.ts'), READY);
  const made = await synthesised({ root, cache, onLog: () => {}, signal: new AbortController().signal });
  expect(existsSync(left)).toBe(false);
  // Somebody who lives may be at this one.
  expect(
    readdirSync(cache)
      .map(name => join(cache, name))
      .sort(),
  ).toEqual([another, made].sort());
});

test('a folder that is no repository of a team is refused before anything is begun, as an error of the table', () => {
  const dataDir = join(folder, 'data');
  const dev = [join(ROOT, 'bin', 'distributary.ts'), 'dev', '--json', '--data-dir', dataDir];
  const wrong = join(folder, 'wrong');
  const said = spawnSync(process.execPath, [...dev, '--with', join(ROOT, 'examples/team-projector'), '--with', wrong], {
    encoding: 'utf8',
  });
  expect({ status: said.status, err: said.stderr }).toEqual({ status: 2, err: '' });
  expect(JSON.parse(said.stdout).error).toMatchObject({
    code: 'synthesis-failed',
    message: `${wrong} is no repository of a team: it has no cdk.json`,
  });
  expect(existsSync(dataDir)).toBe(false);
});

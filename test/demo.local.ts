import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DemoReport } from '../bin/demo/demo.ts';

const CLI = join(import.meta.dirname, '..', 'bin', 'distributary.ts');
/** The promise is 3 minutes for 2,000 updates on two idle cores; tests share theirs. */
const TIMEOUT_MS = 240_000;

const home = mkdtempSync(join(tmpdir(), 'distributary-demos-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

interface Demo {
  /** The temporary folder of the demo is made in it. */
  readonly folder: string;
  readonly child: ReturnType<typeof spawn>;
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
}

function startDemo(name: string, ...args: string[]): Demo {
  const folder = join(home, name);
  mkdirSync(folder);
  const env = { ...process.env, TMPDIR: folder };
  const child = spawn(process.execPath, [CLI, 'demo', '--search=embedded', '--json', ...args], { env });
  const said = { out: '', err: '' };
  child.stdout.on('data', chunk => (said.out += chunk));
  child.stderr.on('data', chunk => (said.err += chunk));
  const ended = new Promise<{ code: number | null } & typeof said>(resolve =>
    child.once('close', code => resolve({ code, ...said })),
  );
  return { folder, child, ended };
}

/** Processes of this machine that have the folder in their command line. */
const processesOf = (folder: string): string[] =>
  readdirSync('/proc')
    .filter(pid => /^\d+$/.test(pid) && pid !== String(process.pid))
    .filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
      } catch {
        return false; // It has just ended.
      }
    });

const onLinux = process.platform === 'linux' ? test : test.skip;

test(
  'the demo imports, updates, and finds that every store agrees with the canonical rows',
  async () => {
    const { ended, folder } = startDemo('whole', '--updates', '150', '--seed', '11');
    const { code, out, err } = await ended;
    expect({ code, err }).toMatchObject({ code: 0 });
    const report = JSON.parse(out) as DemoReport;
    expect(report).toMatchObject({ seed: 11, imported: 2067, settled: true, agrees: true, search: 'embedded' });
    expect(Object.values(report.updates).reduce((sum, done) => sum + done, 0)).toBe(150);
    const purged = report.updates.purged ?? 0;
    expect(purged).toBeGreaterThan(0);
    for (const store of report.stores) {
      expect(store).toMatchObject({ rows: 2067 - purged, drift: 0, failed: 0, examples: [] });
      expect(store.freshness!.p50).toBeLessThanOrEqual(store.freshness!.p99);
    }
    const [archive, facts, search, timeline, worklist] = report.stores;
    expect(archive).toMatchObject({ store: 'case-archive', documents: expect.any(Number), drift: 0 });
    expect(facts).toMatchObject({ store: 'case-facts', documents: 2067 - purged, missingVersions: 0 });
    expect(facts!.versions).toBeGreaterThan(2067);
    expect(search).toMatchObject({ store: 'case-search', documents: 2067 - purged });
    expect(timeline).toMatchObject({ store: 'case-timeline', documents: 2067 - purged });
    expect(worklist!.documents).toBeGreaterThan(0);
    expect(worklist!.documents).toBeLessThan(150);
    expect(readdirSync(folder).filter(name => name.startsWith('distributary-demo-'))).toEqual([]);
  },
  TIMEOUT_MS,
);

onLinux(
  'Ctrl-C in the middle ends everything it started, and leaves no folder',
  async () => {
    const { ended, folder, child } = startDemo('stopped');
    let said = '';
    child.stderr?.on('data', chunk => (said += chunk));
    while (!said.includes('rows imported') && child.exitCode === null) await delay(50);
    expect(processesOf(folder).length).toBeGreaterThan(4);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/\ninterrupted\n$/) });
    expect(readdirSync(folder).filter(name => name.startsWith('distributary-demo-'))).toEqual([]);
    await delay(500);
    expect(processesOf(folder)).toEqual([]);
  },
  TIMEOUT_MS,
);

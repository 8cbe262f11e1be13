import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DistributaryError } from '../core/errors.ts';
import { fillCache, findMaven, isCached, openCache } from '../local/search/distribution.ts';
import { type Search, type SearchOptions, startSearch } from '../local/search/index.ts';
import { findJdk } from '../local/search/jdk.ts';
import { serverAccount } from '../local/server-account.ts';
import { onBothEngines, realLacks } from './search-engines.ts';
import { testSearchEngine } from './search-suite.ts';

/** OpenSearch is fetched once, and starts in 3 to 18 s. */
const START_TIMEOUT_MS = 180_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'distributary-search-'));
  await chmod(folder, 0o755); // The real engine runs as another user when the tests run as root.
});
afterAll(() => rm(folder, { recursive: true, force: true }));

onBothEngines(testEngine);

function testEngine(choice: 'real' | 'embedded'): void {
  let search: Search;
  const start = (more: Partial<SearchOptions> = {}) =>
    startSearch({ dataDir: join(folder, choice), choice, onLog: () => {}, ...more });
  beforeAll(async () => {
    search = await start();
  }, START_TIMEOUT_MS);
  afterAll(() => search?.stop(), START_TIMEOUT_MS);

  test('it says what it is and why', () => {
    expect(search).toMatchObject({
      kind: choice,
      version: '3.6.0',
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    });
    expect(search.reason).toMatch(choice === 'real' ? /^OpenSearch 3\.6\.0 on Java \d+/ : /^stand-in: /);
  });

  testSearchEngine(() => search.url);

  describe('its process', () => {
    test(
      'kill -9 loses nothing that was acknowledged, versions of deletes included',
      async () => {
        const port = Number(new URL(search.url).port);
        const acknowledged = await writeUntilKilled(search);
        search = await start({ port });
        expect(new URL(search.url).port).toBe(String(port));
        for (const id of acknowledged.slice(-50))
          expect(await get(`/lasting/_doc/${id}`)).toMatchObject({ found: true });
        expect(await get('/lasting/_doc/gone')).toMatchObject({ found: false });
        const late = '/lasting/_doc/gone?version=2&version_type=external';
        expect(await ask('PUT', late, '{}')).toMatchObject({ status: 409 });
      },
      START_TIMEOUT_MS,
    );

    test(
      'it stops in good order, tells so, and starts again with its data',
      async () => {
        await search.stop();
        expect(await search.exited).toMatchObject({ expected: true });
        await search.stop();
        search = await start();
        expect(await get('/lasting/_doc/gone')).toMatchObject({ found: false });
      },
      START_TIMEOUT_MS,
    );

    test('a second start on its data is refused', async () => {
      const error = await start().catch(error => error);
      expect(error).toBeInstanceOf(DistributaryError);
      expect(error.message).toMatch(
        new RegExp(`already runs on this data folder: pid ${search.pid}, of pid ${process.pid}$`),
      );
    });

    test(
      'a port that is taken is named',
      async () => {
        const blocker = createServer().listen(0, '127.0.0.1');
        await new Promise(resolve => blocker.once('listening', resolve));
        const { port } = blocker.address() as { port: number };
        const error = await start({ dataDir: join(folder, `${choice}-blocked`), port }).catch(error => error);
        blocker.close();
        expect([error.code, error.message]).toEqual(['port-taken', expect.stringMatching(new RegExp(`${port}`))]);
      },
      START_TIMEOUT_MS,
    );

    test(
      'it ends when its parent is killed, and the next start finds the way clear',
      async () => {
        const dataDir = join(folder, `${choice}-orphan`);
        const pid = await startAndBeKilled(dataDir, choice);
        for (let waitedMs = 0; isRunning(pid) && waitedMs < 5_000; waitedMs += 50) await sleep(50);
        expect(isRunning(pid)).toBe(false);
        await (await start({ dataDir })).stop();
      },
      START_TIMEOUT_MS,
    );
  });

  const ask = async (method: string, path: string, body?: string) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(search.url + path, { method, headers, ...(body !== undefined && { body }) });
    return { status: answer.status, body: await answer.json() };
  };
  const get = async (path: string) => (await ask('GET', path)).body;

  /** Writes until the engine is killed under it; the ids of what it acknowledged. */
  async function writeUntilKilled(victim: Search): Promise<string[]> {
    await ask('PUT', '/lasting/_doc/gone?version=1&version_type=external', '{}');
    await ask('DELETE', '/lasting/_doc/gone?version=5&version_type=external');
    const acknowledged: string[] = [];
    let killed: Promise<void> | undefined;
    for (let n = 0; ; n++) {
      const answer = await ask('PUT', `/lasting/_doc/${n}`, `{"n":${n}}`).catch(() => undefined);
      if (!answer) break;
      acknowledged.push(`${n}`);
      if (n === 300) killed = victim.kill9?.();
    }
    await killed;
    expect(await victim.exited).toMatchObject({ signal: 'SIGKILL' });
    expect(acknowledged.length).toBeGreaterThan(300);
    return acknowledged;
  }
}

/** Starts an engine in a process that is then killed; the engine's id. */
async function startAndBeKilled(dataDir: string, choice: string): Promise<number> {
  const script = `
    import { startSearch } from ${JSON.stringify(join(import.meta.dirname, '../local/search/index.ts'))};
    const { pid } = await startSearch({ dataDir: process.argv[1], choice: process.argv[2], onLog() {} });
    process.stdout.write(String(pid));`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script, dataDir, choice], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [pid] = await new Promise<[string]>(resolve => parent.stdout.once('data', data => resolve([String(data)])));
  parent.kill('SIGKILL');
  return Number(pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the choice', () => {
  const options = () => ({ dataDir: join(folder, 'choice'), onLog: () => {} });
  const { OPENSEARCH_URL, JAVA_HOME, PATH } = process.env;
  afterEach(() => {
    for (const [name, value] of Object.entries({ OPENSEARCH_URL, JAVA_HOME, PATH })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  test('OPENSEARCH_URL goes before all, and is neither started nor stopped', async () => {
    const other = await startSearch({ ...options(), choice: 'embedded' });
    process.env.OPENSEARCH_URL = other.url;
    const search = await startSearch({ ...options(), choice: 'auto' });
    expect(search).toMatchObject({ kind: 'external', url: other.url, version: '3.6.0' });
    await search.stop();
    expect((await fetch(other.url)).status).toBe(200);
    await other.stop();
    const error = await startSearch({ ...options(), choice: 'auto' }).catch(error => error);
    expect(error.message).toMatch(/^OPENSEARCH_URL http:\/\/127\.0\.0\.1:\d+ does not answer/);
  });

  test('what the stand-in does not speak is answered 501, with its name', async () => {
    const search = await startSearch({ ...options(), choice: 'embedded' });
    const ask = async (path: string, body: object) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(search.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
      expect(answer.headers.get('x-distributary-stand-in')).toBe('embedded search engine');
      const { error } = (await answer.json()) as { error: { reason: string } };
      return [answer.status, error.reason.split(':')[0]];
    };
    await fetch(`${search.url}/i`, { method: 'PUT' });
    const unspoken = 'the embedded search engine does not speak';
    expect(await ask('/i/_update/1', {})).toEqual([501, `${unspoken} [POST /i/_update/1]`]);
    expect(await ask('/i/_search', { query: { fuzzy: { k: 'x' } } })).toEqual([501, `${unspoken} query [fuzzy]`]);
    expect(await ask('/i/_search', { aggs: { a: { top_hits: {} } } })).toEqual([
      501,
      `${unspoken} aggregation [top_hits]`,
    ]);
    expect(await ask('/i/_search', { collapse: {} })).toEqual([501, `${unspoken} [collapse] in _search`]);
    expect(await ask('/i/_search?scroll=1m', {})).toEqual([501, `${unspoken} parameter [scroll] of [POST /i/_search]`]);
    await search.stop();
  });

  const maven = findMaven(process.env);
  const unfetched = realLacks ?? (maven ? undefined : 'no Maven in PATH');
  (unfetched ? test.skip : test)(
    `two first starts fetch OpenSearch once${unfetched ? `: ${unfetched}` : ''}`,
    async () => {
      const cache = openCache({ XDG_CACHE_HOME: join(folder, 'cache') }, serverAccount())!;
      expect(isCached(cache)).toBe(false);
      const { jdk } = await findJdk(process.env, serverAccount());
      const lines: string[] = [];
      const fill = () => fillCache(cache, maven!, jdk!, line => lines.push(line));
      await Promise.all([fill(), fill()]);
      expect(isCached(cache)).toBe(true);
      expect(lines.filter(line => line.startsWith('fetching OpenSearch 3.6.0 (161 MB) by Maven'))).toHaveLength(1);
    },
    START_TIMEOUT_MS,
  );
});

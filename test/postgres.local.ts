import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type Postgres, startPostgres } from '../local/postgres.ts';
import { findBinaries, locatePackage, repairLinks } from '../local/postgres-files.ts';
import { endProcess, isAlive } from '../local/process-life.ts';
import { serverAccount } from '../local/server-account.ts';

const asRoot = process.getuid?.() === 0 ? test : test.skip;
const folders: string[] = [];
const servers: Postgres[] = [];
const children: ChildProcess[] = [];

function newFolder(): string {
  const folder = fs.mkdtempSync(join(tmpdir(), 'postgres-local-'));
  fs.chmodSync(folder, 0o755);
  folders.push(folder);
  return folder;
}

async function start(dataDir: string, more: { port?: number; settings?: Record<string, string> } = {}) {
  const server = await startPostgres({ dataDir, ...more, onLog: () => {} });
  servers.push(server);
  return server;
}

/** Starts a server in a process of its own, which is returned with the server's process id. */
async function startInChild(dataDir: string): Promise<{ parent: ChildProcess; pid: number; url: string }> {
  const parent = spawn(process.execPath, [join(import.meta.dirname, 'postgres-parent.ts'), dataDir], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(parent);
  for await (const line of createInterface(parent.stdout!)) return { parent, ...JSON.parse(line) };
  throw new Error('the child ended without a server');
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

const ended = (pid: number) => endProcess(pid, [['SIGCONT', 10_000]]);

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const server of servers.splice(0)) await server.stop();
  for (const folder of folders.splice(0)) fs.rmSync(folder, { recursive: true, force: true });
});

test('a server is ready for logical replication, in UTF-8, and asks for its password', async () => {
  const server = await start(newFolder());
  const settings = `SELECT current_setting('wal_level') AS wal, current_setting('server_encoding') AS encoding,
    (SELECT datcollate FROM pg_database WHERE datname = 'postgres') AS locale, current_setting('fsync') AS fsync,
    current_setting('listen_addresses') AS listens, current_setting('server_version_num')::int / 10000 AS major`;
  expect(await query(server.url, settings)).toEqual([
    { wal: 'logical', encoding: 'UTF8', locale: 'C', fsync: 'off', listens: '127.0.0.1', major: 17 },
  ]);
  const wrong = new URL(server.url);
  wrong.password = 'guess';
  await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
});

test('a second start resumes the data, the password and the port', async () => {
  const folder = newFolder();
  const first = await start(folder);
  await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await first.stop();
  expect(await first.exited).toEqual({ code: 0, signal: null });
  const second = await start(folder);
  expect(second.url).toBe(first.url);
  expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  expect(fs.statSync(join(folder, 'password')).mode & 0o777).toBe(0o600);
});

test('what was committed survives kill -9, with clients connected', async () => {
  const folder = newFolder();
  const first = await start(folder);
  await query(first.url, 'CREATE TABLE kept (n int)');
  const busy = new pg.Client(first.url);
  busy.on('error', () => {});
  await busy.connect();
  await busy.query('INSERT INTO kept SELECT generate_series(1, 1000)');
  first.kill9();
  expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
  const second = await start(folder);
  expect(await query(second.url, 'SELECT count(*)::int AS n FROM kept')).toEqual([{ n: 1000 }]);
});

test('a server ends when the process that started it is killed', async () => {
  const { parent, pid } = await startInChild(newFolder());
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  expect(await ended(pid)).toBe(true);
});

test('a server that outlived its killed parent is ended by the next start', async () => {
  const folder = newFolder();
  const { parent, pid, url } = await startInChild(folder);
  await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  // Frozen, it does not hear of its parent's end in time.
  process.kill(pid, 'SIGSTOP');
  parent.kill('SIGKILL');
  await delay(200);
  setTimeout(() => process.kill(pid, 'SIGCONT'), 500);
  const next = await start(folder);
  expect(next.pid).not.toBe(pid);
  expect(isAlive(pid)).toBe(false);
  expect(await query(next.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
});

test('a folder whose server is in use by another process is refused, and left alone', async () => {
  const folder = newFolder();
  const { parent, pid } = await startInChild(folder);
  await expect(start(folder)).rejects.toMatchObject({
    code: 'folder-in-use',
    message: `${folder} is in use by process ${parent.pid}`,
  });
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await ended(pid);
});

test('a port that is taken is named, and a taken port of the last time is replaced', async () => {
  const folder = newFolder();
  const first = await start(folder);
  await first.stop();
  const rival = createServer();
  await new Promise<void>(listening => {
    rival.listen(first.port, '127.0.0.1', listening);
  });
  try {
    await expect(start(folder, { port: first.port })).rejects.toMatchObject({
      code: 'port-taken',
      message: `port ${first.port} on 127.0.0.1 is taken`,
    });
    const second = await start(folder);
    expect(second.port).not.toBe(first.port);
  } finally {
    rival.close();
  }
});

test('a cluster half made by a killed start is made again', async () => {
  const folder = newFolder();
  const halfMade = () => fs.globSync(join(folder, 'cluster*', 'PG_VERSION')).length > 0;
  const parent = spawn(process.execPath, [join(import.meta.dirname, 'postgres-parent.ts'), folder], {
    stdio: 'ignore',
  });
  children.push(parent);
  while (!halfMade()) await delay(1);
  parent.kill('SIGKILL');
  const server = await start(folder);
  expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  // What the killed start was still writing then goes with the next one.
  await server.stop();
  await start(folder);
  expect(fs.readdirSync(folder).sort()).toEqual(['cluster', 'owner', 'password', 'port']);
});

test('a stale process id, which now is of another program, does not keep the server from starting', async () => {
  const folder = newFolder();
  const first = await start(folder);
  first.kill9();
  await first.exited;
  const pidFile = join(folder, 'cluster', 'postmaster.pid');
  const bystander = spawn('sleep', ['60'], { ...serverAccount(), cwd: '/' });
  children.push(bystander);
  fs.writeFileSync(pidFile, fs.readFileSync(pidFile, 'utf8').replace(/^\d+/, String(bystander.pid)));
  const second = await start(folder);
  expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  expect(isAlive(bystander.pid!)).toBe(true);
});

test('a setting that the server refuses is told in its own words', async () => {
  await expect(start(newFolder(), { settings: { wal_level: 'most' } })).rejects.toMatchObject({
    code: 'child-died',
    message: expect.stringContaining('invalid value for parameter "wal_level": "most"'),
  });
});

asRoot('a folder that only root can enter holds a server all the same, and resumes it', async () => {
  const locked = newFolder();
  fs.chmodSync(locked, 0o700);
  const folder = join(locked, 'data');
  const first = await start(folder);
  await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await first.stop();
  const second = await start(folder);
  expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  const elsewhere = fs.realpathSync(join(folder, 'cluster'));
  folders.push(join(elsewhere, '..'));
  expect(elsewhere.startsWith(locked)).toBe(false);
  await second.stop();
  fs.rmSync(folder, { recursive: true });
  const afresh = await start(folder);
  const tables = await query(afresh.url, `SELECT count(*)::int AS n FROM pg_tables WHERE tablename = 'kept'`);
  expect(tables).toEqual([{ n: 0 }]);
});

asRoot('a data folder that was made for root alone is opened just enough, and nothing is put elsewhere', async () => {
  const folder = newFolder();
  fs.chmodSync(folder, 0o700);
  const server = await start(folder);
  expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  expect(fs.lstatSync(join(folder, 'cluster')).isDirectory()).toBe(true);
  expect(fs.statSync(folder).mode & 0o777).toBe(0o711);
});

asRoot('what a removed temporary folder left elsewhere goes with the next start', async () => {
  const startLocked = async () => {
    const locked = newFolder();
    fs.chmodSync(locked, 0o700);
    const server = await start(join(locked, 'data'));
    const elsewhere = join(fs.realpathSync(join(locked, 'data', 'cluster')), '..');
    folders.push(elsewhere);
    return { locked, server, elsewhere };
  };
  const first = await startLocked();
  first.server.kill9();
  await first.server.exited;
  fs.rmSync(first.locked, { recursive: true });
  const second = await startLocked();
  expect(fs.existsSync(first.elsewhere)).toBe(false);
  expect(fs.existsSync(second.elsewhere)).toBe(true);
});

/** The package as npm unpacks it without running its install script. */
function packageWithoutLinks(): string {
  const native = join(newFolder(), 'native');
  fs.cpSync(locatePackage().native, native, {
    recursive: true,
    verbatimSymlinks: true,
    filter: source => !fs.lstatSync(source).isSymbolicLink(),
  });
  return native;
}

test('programs that lack the links of their libraries do not run, and do once they are repaired', () => {
  const native = packageWithoutLinks();
  const version = () => execFileSync(join(native, 'bin', 'initdb'), ['--version'], { stdio: 'pipe', encoding: 'utf8' });
  expect(version).toThrow(/shared librar|Library not loaded/);
  repairLinks(native);
  expect(version()).toMatch(/PostgreSQL/);
});

asRoot('programs in a folder that only root can enter are copied to where the server can run them', () => {
  const native = packageWithoutLinks();
  fs.chmodSync(join(native, '..'), 0o700);
  const account = serverAccount();
  const { postgres } = findBinaries(account, { native, version: `test-${process.pid}` });
  folders.push(join(postgres, '../../..'));
  expect(postgres.startsWith(native)).toBe(false);
  const version = execFileSync(postgres, ['--version'], { ...account, cwd: '/', encoding: 'utf8' });
  expect(version).toMatch(/PostgreSQL\) 17/);
});

import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DistributaryError } from '../core/errors.ts';
import { type Binaries, findBinaries, placeCluster, serverOf } from './postgres-files.ts';
import { type Demand, endProcess, endWithParent, startOf } from './process-life.ts';
import { type Account, serverAccount } from './server-account.ts';

/** A real PostgreSQL 17 out of an npm package, set up for logical replication as Aurora would be. */

export interface PostgresOptions {
  /** Holds the cluster, its password and its last port; a second start resumes it. */
  readonly dataDir: string;
  /** @default the last one when it is free, else any */
  readonly port?: number;
  /** Server settings other than those below. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly onLog: (line: string) => void;
}

export interface Postgres {
  /** For the superuser, with its password. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Ends it in order: a checkpoint is written, and clients that do not let go are cut off. */
  stop(): Promise<void>;
  /** As a crash would: nothing is written, and the next start recovers. */
  kill9(): void;
  readonly exited: Promise<Exit>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const SUPERUSER = 'postgres';
const HOST = '127.0.0.1';

/** Recovery after a crash replays at most `max_wal_size`; this is ample. */
const START_TIMEOUT_MS = 60_000;
/** What a killed server's last children need to notice and go; until then their shared memory is in use. */
const LEFTOVER_TIMEOUT_MS = 10_000;
const LEFTOVER_RETRY_MS = 100;
/** Another process may take a free port between our look and the server's. */
const PORT_ATTEMPTS = 5;
/** Fast, then immediate shutdown, then none. A replication client that stays connected holds up the first. */
const SHUTDOWN: readonly Demand[] = [
  ['SIGINT', 10_000],
  ['SIGQUIT', 5_000],
  ['SIGKILL', 5_000],
];

const SETTINGS = {
  listen_addresses: HOST,
  unix_socket_directories: '',
  wal_level: 'logical',
  max_replication_slots: '20',
  max_wal_senders: '20',
  wal_sender_timeout: '5s',
  // A forgotten slot must not fill the disk: it is lost instead, which status shows.
  max_slot_wal_keep_size: '4GB',
  max_wal_size: '1GB',
  logical_decoding_work_mem: '64MB',
  shared_buffers: '128MB',
  // A killed server loses nothing that was written; only a machine that loses its power may.
  fsync: 'off',
  synchronous_commit: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  log_min_error_statement: 'fatal',
  // Else the log quotes the row that a rule refused.
  log_error_verbosity: 'terse',
  log_line_prefix: '%p ',
  lc_messages: 'C',
  logging_collector: 'off',
  log_destination: 'stderr',
};

/**
 * Starts the server of a data folder, creating it at first. A server left over by a killed parent is ended before. Ours
 * ends when this process does, however that ends. Throws `port-taken`, `folder-in-use`, `tool-missing`, `child-died`.
 */
export async function startPostgres({ dataDir, port, settings = {}, onLog }: PostgresOptions): Promise<Postgres> {
  const home = resolve(dataDir);
  fs.mkdirSync(home, { recursive: true });
  const account = accountFor(home);
  const cluster = placeCluster(home, account);
  await claim(home, cluster);
  removeUnfinished(dirname(cluster));
  const binaries = findBinaries(account);
  if (!fs.existsSync(join(cluster, 'PG_VERSION'))) await initialise(binaries, home, cluster, account);
  const password = fs.readFileSync(join(home, 'password'), 'utf8');
  const launch = (onPort: number) => launchPatiently({ binaries, cluster, account, settings, port: onPort, onLog });
  const server = port === undefined ? await launchAnywhere(home, launch) : await launch(port);
  fs.writeFileSync(join(home, 'port'), String(server.port));
  const url = `postgresql://${SUPERUSER}:${password}@${HOST}:${server.port}/postgres`;
  return { ...server, url };
}

/** Whoever owns the cluster has to run it; as root, a new one goes to an account without rights. */
function accountFor(home: string): Account {
  const account = serverAccount();
  const owner = fs.statSync(join(home, 'cluster'), { throwIfNoEntry: false });
  return account.uid === undefined || !owner || owner.uid === 0 ? account : { uid: owner.uid, gid: owner.gid };
}

/** One process to a data folder. What an earlier one left running is ended. */
async function claim(home: string, cluster: string): Promise<void> {
  const claimFile = join(home, 'owner');
  const [owner, started] = fs.existsSync(claimFile) ? fs.readFileSync(claimFile, 'utf8').split('\n') : [];
  const server = serverOf(cluster);
  if (server !== undefined && Number(owner) !== process.pid && started && startOf(Number(owner)) === started) {
    throw new DistributaryError('folder-in-use', `${home} is in use by process ${owner}`);
  }
  fs.writeFileSync(claimFile, `${process.pid}\n${startOf(process.pid)}`);
  if (server !== undefined && !(await endProcess(server, SHUTDOWN))) {
    throw new DistributaryError('child-died', `an earlier PostgreSQL, process ${server}, does not end`);
  }
}

/**
 * Makes the cluster aside and moves it in place, so that one half made by a killed start is never mistaken for whole; under
 * a name of its own, since that start's `initdb` may still be writing.
 */
async function initialise(binaries: Binaries, home: string, cluster: string, account: Account): Promise<void> {
  const fresh = fs.mkdtempSync(join(dirname(cluster), UNFINISHED));
  const secret = randomBytes(24).toString('base64url');
  const passwordFile = `${fresh}-password`;
  fs.writeFileSync(passwordFile, secret, { mode: 0o600 });
  if (account.uid !== undefined) {
    fs.chownSync(fresh, account.uid, account.gid);
    fs.chownSync(passwordFile, account.uid, account.gid);
  }
  await runInitdb(binaries.initdb, fresh, passwordFile, account);
  fs.rmSync(passwordFile);
  fs.writeFileSync(join(home, 'password'), secret, { mode: 0o600 });
  fs.renameSync(fresh, cluster);
}

const UNFINISHED = 'cluster.new-';

function removeUnfinished(folder: string): void {
  for (const name of fs.readdirSync(folder)) {
    if (name.startsWith(UNFINISHED)) fs.rmSync(join(folder, name), { recursive: true, force: true, maxRetries: 5 });
  }
}

async function runInitdb(initdb: string, fresh: string, passwordFile: string, account: Account): Promise<void> {
  const options = ['--pgdata', fresh, '--username', SUPERUSER, '--pwfile', passwordFile, '--auth=scram-sha-256'];
  // Without syncing each file: what could be lost is a cluster without data.
  options.push('--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions');
  const running = promisify(execFile)(initdb, options, { ...account, cwd: '/', env: environment() });
  const withdraw = running.child.pid === undefined ? () => {} : endWithParent(running.child.pid, 'SIGINT', account);
  try {
    await running;
  } catch (cause) {
    const message = `initdb could not make ${fresh}: ${(cause as Error).message}`;
    throw new DistributaryError('child-died', message, { hint: 'see the reason', cause });
  } finally {
    withdraw();
  }
}

/** None of the caller's PG… variables, and messages in English, which we read. */
const environment = (): NodeJS.ProcessEnv => ({ PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' });

type Server = Omit<Postgres, 'url'>;

interface LaunchOptions {
  readonly binaries: Binaries;
  readonly cluster: string;
  readonly account: Account;
  readonly settings: Readonly<Record<string, string>>;
  readonly port: number;
  readonly onLog: (line: string) => void;
}

async function launchAnywhere(home: string, launch: (port: number) => Promise<Server>): Promise<Server> {
  const portFile = join(home, 'port');
  let port = fs.existsSync(portFile) ? Number(fs.readFileSync(portFile, 'utf8')) : await freePort();
  for (let attempt = 1; ; attempt++) {
    try {
      return await launch(port);
    } catch (error) {
      if (!(error instanceof DistributaryError && error.code === 'port-taken') || attempt === PORT_ATTEMPTS)
        throw error;
      port = await freePort();
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer().once('error', failed);
    server.listen(0, HOST, () => {
      const address = server.address();
      server.close(() => found(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

async function launchPatiently(options: LaunchOptions): Promise<Server> {
  const deadline = Date.now() + LEFTOVER_TIMEOUT_MS;
  for (;;) {
    const { server, exit, log } = await launch(options);
    if (server) return server;
    const text = log.join('\n');
    if (/could not bind|could not create any TCP/.test(text)) {
      throw new DistributaryError('port-taken', `port ${options.port} on ${HOST} is taken`);
    }
    if (!/shared memory block .* is still in use/.test(text) || Date.now() > deadline) {
      const ending = exit?.signal ?? `exit code ${exit?.code}`;
      throw new DistributaryError('child-died', `PostgreSQL did not start (${ending}):\n${text}`, {
        hint: 'see its last lines',
      });
    }
    await delay(LEFTOVER_RETRY_MS);
  }
}

const READY = 'database system is ready to accept connections';
/** The last lines of a server that did not start, for the message. */
const KEPT_LOG_LINES = 12;

/** Resolves when it accepts connections, or without a server when it has exited before. */
async function launch(options: LaunchOptions): Promise<{ server?: Server; exit?: Exit; log: readonly string[] }> {
  const { binaries, cluster, account, port, onLog } = options;
  const settings = Object.entries({ ...SETTINGS, ...options.settings }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  // A group of its own: Ctrl-C is for us, and we end it when its clients are gone.
  const child = spawn(binaries.postgres, ['-D', cluster, '-p', String(port), ...settings], {
    ...account,
    cwd: '/',
    env: environment(),
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = new Promise<Exit>((ended, failed) => {
    child.once('error', failed);
    child.once('exit', (code, signal) => ended({ code, signal }));
  });
  const log: string[] = [];
  const ready = Promise.withResolvers<true>();
  const lines = createInterface(child.stderr).on('line', line => {
    if (log.push(line) > KEPT_LOG_LINES) log.shift();
    onLog(line);
    if (line.endsWith(READY)) ready.resolve(true);
  });
  const said = once(lines, 'close');
  const pid = child.pid;
  const withdraw = pid === undefined ? () => {} : endWithParent(pid, 'SIGINT', account);
  exited.finally(withdraw).catch(() => {});
  const timeout = setTimeout(() => child.kill('SIGQUIT'), START_TIMEOUT_MS);
  const started = await Promise.race([ready.promise, exited]).finally(() => clearTimeout(timeout));
  if (started !== true) {
    // It may be gone before its last words have been read.
    await said;
    return { exit: started, log };
  }
  return { server: serverFrom(pid!, port, exited), log };
}

function serverFrom(pid: number, port: number, exited: Promise<Exit>): Server {
  let gone = false;
  exited.then(() => {
    gone = true;
  });
  return {
    port,
    pid,
    exited,
    async stop() {
      await endProcess(pid, SHUTDOWN, () => gone);
      await exited;
    },
    kill9() {
      if (!gone) process.kill(pid, 'SIGKILL');
    },
  };
}

import { chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DistributaryError } from '../../core/errors.ts';
import { type Account, canReach, serverAccount } from '../server-account.ts';
import { type Cache, fillCache, findMaven, isCached, OPENSEARCH_VERSION, openCache } from './distribution.ts';
import { findJdk, type Jdk, OLDEST_JAVA, SEARCHED } from './jdk.ts';
import { launch, type ServerProcess } from './server-process.ts';

/** What real OpenSearch needs of this machine, all of it found. */
export interface RealParts {
  readonly jdk: Jdk;
  readonly cache: Cache;
  /** Absent when the distribution is cached already. */
  readonly maven: string | undefined;
  readonly runAs: Account;
}

/** 256 MB failed a bulk of 2,000 documents; 512 MB held 400,000 documents. */
const HEAP_MB = 512;
/** 3 s on a quiet machine, 18 s seen on a busy one, without the class archive twice that. */
const READY_WITHIN_MS = 120_000;
/** Stopping takes 0.1 s, and some 4 s once, when the JVM writes its class archive. */
const STOP_WITHIN_MS = 30_000;
const RECOVERED_WITHIN_SECONDS = 30;

/** Finds the parts of real OpenSearch, or says in one line what is missing. Fetches nothing. */
export async function findRealParts(env: NodeJS.ProcessEnv): Promise<RealParts | { missing: string }> {
  if (process.platform === 'win32') return { missing: 'it is started on Linux and macOS only' };
  const runAs = serverAccount();
  const found = await findJdk(env, runAs);
  if (!found.jdk) {
    const older = found.older.map(({ version, home }) => `${version} in ${home}`).join(', ');
    return { missing: `no JDK ${OLDEST_JAVA} or newer found in ${SEARCHED}${older && `; found ${older}`}` };
  }
  const cache = openCache(env, runAs);
  if (!cache)
    return { missing: 'no cache folder that it may use (set XDG_CACHE_HOME to one that every user may enter)' };
  if (isCached(cache)) return { jdk: found.jdk, cache, maven: undefined, runAs };
  const maven = findMaven(env);
  return maven ? { jdk: found.jdk, cache, maven, runAs } : { missing: 'no Maven (mvn) in PATH to fetch it with' };
}

/** Starts OpenSearch on the data folder, fetching it first if need be; resolves when its indices can be searched. */
export async function startReal(
  parts: RealParts,
  options: { dataDir: string; port: number; onLog: (line: string) => void },
): Promise<{ url: string; server: ServerProcess }> {
  const { jdk, cache, maven, runAs } = parts;
  const { dataDir, port, onLog } = options;
  if (maven) await fillCache(cache, maven, jdk, onLog);
  const conf = prepareDataFolder(dataDir, runAs);
  onLog(`starting OpenSearch ${OPENSEARCH_VERSION} on Java ${jdk.version} (${jdk.home})`);
  const { server, ready } = await launch({
    name: `OpenSearch ${OPENSEARCH_VERSION}`,
    command: jdk.java,
    args: [...jvmOptions(parts, dataDir, conf), 'org.opensearch.bootstrap.OpenSearch', ...settings(dataDir, port)],
    cwd: dataDir,
    env: { PATH: process.env.PATH, HOME: dataDir },
    runAs,
    logFile: join(dataDir, 'opensearch.log'),
    pidFile: join(dataDir, 'opensearch.pid'),
    mark: `-Dopensearch.path.conf=${conf}`,
    ready: /AbstractHttpServerTransport publish_address \{(127\.0\.0\.1:\d+)\}/,
    readyWithinMs: READY_WITHIN_MS,
    stopWithinMs: STOP_WITHIN_MS,
  });
  const url = `http://${ready[1]}`;
  await waitForIndices(url).catch(async error => {
    await server.kill9();
    throw error;
  });
  return { url, server };
}

const LOG_CONFIGURATION = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1} %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
`;

function prepareDataFolder(dataDir: string, runAs: Account): string {
  const conf = join(dataDir, 'config');
  const log = join(dataDir, 'opensearch.log');
  for (const folder of [dataDir, conf, join(dataDir, 'data'), join(dataDir, 'tmp')]) {
    mkdirSync(folder, { recursive: true });
    if (runAs.uid !== undefined) chownSync(folder, runAs.uid, runAs.gid);
  }
  writeFileSync(join(conf, 'log4j2.properties'), LOG_CONFIGURATION);
  if (!existsSync(log)) writeFileSync(log, '');
  if (canReach(runAs, dataDir)) return conf;
  throw new DistributaryError('tool-missing', `OpenSearch runs as uid ${runAs.uid}, which cannot reach ${dataDir}`, {
    hint: 'a folder above it is closed to others: move the data folder, or start with --search=embedded',
  });
}

/**
 * The agent's sandbox is left out, which saves half of the start; its bootstrap classes must be there nevertheless. Compiled
 * once and lightly, collected by one thread: two thirds of the processor time in the first minute, and no slower later.
 */
function jvmOptions({ jdk, cache }: RealParts, dataDir: string, conf: string): string[] {
  const agent = join(cache.home, 'agent', `opensearch-agent-bootstrap-${OPENSEARCH_VERSION}.jar`);
  return [
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    '-Xms64m',
    `-Xmx${HEAP_MB}m`,
    '-XX:+AutoCreateSharedArchive',
    `-XX:SharedArchiveFile=${join(cache.classArchives, `opensearch-${OPENSEARCH_VERSION}-java-${jdk.version}.jsa`)}`,
    '-Xlog:disable',
    '-Xlog:all=error:stderr',
    '--add-opens=java.base/java.nio=ALL-UNNAMED',
    '-Dio.netty.noUnsafe=true',
    '-Dfile.encoding=UTF-8',
    `-Djava.io.tmpdir=${join(dataDir, 'tmp')}`,
    '-Dlog4j.shutdownHookEnabled=false',
    '-Dlog4j2.disable.jmx=true',
    `-Dopensearch.path.home=${cache.home}`,
    `-Dopensearch.path.conf=${conf}`,
    '-Dopensearch.distribution.type=zip',
    '-Dopensearch.bundled_jdk=false',
    '-cp',
    `${join(cache.home, 'lib', '*')}:${agent}`,
  ];
}

/** Defaults everywhere but where one machine differs from a cluster. Port 0 lets the system choose; the log says which. */
function settings(dataDir: string, port: number): string[] {
  return [
    `-Epath.data=${join(dataDir, 'data')}`,
    `-Epath.logs=${join(dataDir, 'tmp')}`,
    '-Ecluster.name=distributary',
    '-Enode.name=local',
    '-Ediscovery.type=single-node',
    '-Enetwork.host=127.0.0.1',
    `-Ehttp.port=${port}`,
    '-Etransport.port=0',
    // A laptop's disk is often fuller than 95%, where OpenSearch would make every index read-only.
    '-Ecluster.routing.allocation.disk.threshold_enabled=false',
  ];
}

/** A node answers before the shards of its last run are open; searches would fail until they are. */
async function waitForIndices(url: string): Promise<void> {
  const wait = `wait_for_status=yellow&timeout=${RECOVERED_WITHIN_SECONDS}s`;
  const answer = await fetch(`${url}/_cluster/health?${wait}`);
  const health = (await answer.json()) as { timed_out?: boolean; status?: string };
  if (health.timed_out !== false) {
    throw new DistributaryError('child-died', `OpenSearch is ${health.status} after ${RECOVERED_WITHIN_SECONDS} s`, {
      hint: 'an index of an earlier run cannot be opened: start with --fresh and let it be rebuilt',
    });
  }
}

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DistributaryError } from '../core/errors.ts';
import { together } from './app-run.ts';
import { queueUrl } from './aws.ts';
import { CONSOLE_PORT, withConsole } from './console-server.ts';
import { CREDENTIALS } from './credentials.ts';
import { CustomResources } from './custom-resources.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { ENDPOINTS_FILE, type Endpoints } from './endpoints.ts';
import { httpApis, startFrontDoor } from './front-door.ts';
import { functionEnvironment, type Places } from './function-environment.ts';
import { startIssuer } from './issuer.ts';
import { keysOf } from './keyring.ts';
import type { LocalEvent, LocalMode, LocalModeOptions, LocalStatus } from './local-mode.ts';
import { Servers } from './local-servers.ts';
import { onlyStores, pipelinePlaces, subscribedAggregates } from './pipeline-places.ts';
import { allotPorts, type Ports, SERVER_NAMES } from './ports.ts';
import { allowLogins, createDatabase, createTables, republish, roleUrl } from './provisioning.ts';
import { bundleBootstrap } from './runtime/bundle-bootstrap.ts';
import { type ControlServer, startControlServer } from './runtime/control-server.ts';
import { LocalFunctions } from './runtime/functions.ts';
import { MetricStore } from './runtime/metrics.ts';
import { Pipeline } from './runtime/pipeline.ts';
import { synthesised } from './synthesis.ts';
import { mustBeTeam, synthesisedTeam } from './team-synthesis.ts';
import { readAssembly } from './template/assembly.ts';
import type { CustomResource } from './template/compute.ts';
import { ACCOUNT, REGION } from './template/intrinsics.ts';
import type { Surroundings } from './template/kind.ts';
import { type Model, readModel } from './template/model.ts';

/** What is there once the servers have been started and the templates read. */
interface Parts {
  readonly options: LocalModeOptions;
  readonly tell: (event: LocalEvent) => void;
  readonly data: DataFolder;
  readonly ports: Ports;
  readonly model: Model;
  readonly servers: Servers;
  readonly metrics: MetricStore;
  readonly functions: LocalFunctions;
  readonly control: ControlServer;
  /** URL of the template's database, as the superuser. */
  readonly database: string;
}

type Undo = (() => unknown)[];

/**
 * Runs the synthesised app on embedded servers; resolves when changes flow. What it has started it ends when a later step
 * fails, and when this process ends, however that ends. Throws DistributaryErrors: `folder-in-use`, `port-taken`,
 * `tool-missing`, `synthesis-failed`, `template-unsupported`, `provisioning-failed`, `child-died`.
 */
export async function startLocalMode(options: LocalModeOptions): Promise<LocalMode> {
  mustBeRepository();
  for (const repository of options.teams ?? []) mustBeTeam(repository);
  const data = openDataFolder(options.dataDir, { fresh: options.fresh ?? false });
  /** How to take back what has been started, in the order of the starts. */
  const undo: (() => unknown)[] = [() => data.close()];
  const stop = async (): Promise<void> => {
    for (let step = undo.pop(); step; step = undo.pop()) await step();
  };
  try {
    return { ...(await start(options, data, undo)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** An installed package has neither the app nor the servers: a team's repository runs along with the pipeline's. */
function mustBeRepository(): void {
  if (existsSync(join(import.meta.dirname, '..', 'cdk.json'))) return;
  const what = 'an installed package runs no local mode: the servers come with the repository of the pipeline';
  throw new DistributaryError('tool-missing', what, { hint: `type there: npm start -- --with ${process.cwd()}` });
}

/** The way up, each step as soon as what it needs is there. What has to be taken back is added to `undo`. */
async function start(options: LocalModeOptions, data: DataFolder, undo: Undo): Promise<Omit<LocalMode, 'stop'>> {
  const parts = await startParts(options, data, undo);
  const { servers, functions, metrics } = parts;
  const issuer = await startIssuer(parts.ports.issuer, data);
  undo.push(() => issuer.stop());
  await provision(parts);
  const roles = await allowLogins(parts.database);
  const pipeline = await startPipeline(parts);
  undo.push(() => pipeline.stop());
  const doors = await startFrontDoors(parts);
  undo.push(() => doors.stop());
  const reached = { ...(await endpointsOf(parts, roles)), ...doors.endpoints, issuer: issuer.url };
  const { endpoints, ...served } = await withConsole(reached, { port: parts.ports.console, view: options.console });
  undo.push(() => served.stop());
  data.write(ENDPOINTS_FILE, endpoints);
  undo.push(() => data.remove(ENDPOINTS_FILE));
  const status = async (): Promise<LocalStatus> => ({
    pid: process.pid,
    servers: servers.statuses(),
    ...(await pipeline.status()),
  });
  parts.control.answerStatus(status);
  return { endpoints, metrics, status, processes: () => [...servers.processes(), ...functions.processes()] };
}

/** The API's, and that of the console as it is deployed. */
async function startFrontDoors({ ports, model, functions }: Parts) {
  const { api, console } = httpApis(model);
  const first = await startFrontDoor(ports.api, api, functions);
  const second = await startFrontDoor(ports.deployedConsole, console, functions).catch(error => {
    first.stop();
    throw error;
  });
  return {
    endpoints: { api: first.url, deployedConsole: second.url },
    stop() {
      first.stop();
      second.stop();
    },
  };
}

async function startParts(options: LocalModeOptions, data: DataFolder, undo: Undo): Promise<Parts> {
  const tell = options.onEvent ?? (() => {});
  const ports = await allotPorts(data, SERVER_NAMES, options.ports ?? {}, { console: CONSOLE_PORT });
  const servers = new Servers({ data, ports, search: options.search, dynamodb: options.dynamodb, tell });
  undo.push(() => servers.stop());
  const [bootstrap, ...folders] = await together(signal => [
    bundleBootstrap(data.folder('runtime')),
    ...syntheses(options, data, tell, signal),
  ]);
  const assembly = { stacks: folders.flatMap(folder => readAssembly(folder).stacks) };
  const model = onlyStores(readModel(assembly, surroundingsOf(ports)), options.stores);
  if (model.caches.length > 0) await servers.startCache(data.folder('cache'), ports.cache);
  const { server } = await servers.postgres;
  const database = await createDatabase(server.url, model.clusters[0]?.databaseName ?? 'postgres');
  const metrics = new MetricStore();
  const functions = new LocalFunctions({
    model,
    bootstrap: bootstrap!,
    logs: data.folder('logs'),
    metrics,
    environment: fn => functionEnvironment(fn, placesOf(ports, database, servers, data)),
  });
  undo.push(() => functions.stop());
  const control = await startControlServer({ port: ports.control, functions, metrics });
  undo.push(() => control.stop());
  return { options, tell, data, ports, model, servers, metrics, functions, control, database };
}

/** The repository. */
const ROOT = resolve(import.meta.dirname, '..');
/** For all data folders: a synthesis takes longer than all the rest of a start. */
const SYNTHESES = join(ROOT, 'node_modules', '.cache', 'distributary', 'syntheses');

/** Folders of the pipeline's stacks, then of those of the teams that joined, which read the pipeline's parameters. */
function syntheses(
  { outDir, teams = [] }: LocalModeOptions,
  data: DataFolder,
  tell: (event: LocalEvent) => void,
  signal: AbortSignal,
): readonly Promise<string>[] {
  const onLog = (message: string) => tell({ kind: 'step', message });
  const ours = outDir ? Promise.resolve(outDir) : synthesised({ root: ROOT, cache: SYNTHESES, onLog, signal });
  const theirs = teams.map((repository, index) => {
    onLog(`synthesising ${repository}`);
    return synthesisedTeam(repository, join(data.folder('teams'), String(index)), signal);
  });
  return [ours, ...theirs];
}

const HOST = '127.0.0.1';
const urlOf = (port: number): string => `http://${HOST}:${port}`;

const keysFolder = ({ path }: DataFolder): string => join(path, 'keys');

const surroundingsOf = (ports: Ports): Surroundings => ({
  queueUrl: name => queueUrl(urlOf(ports.aws), ACCOUNT, name),
  database: { host: HOST, port: ports.postgres },
  searchDomain: `${HOST}:${ports.search}`,
  cache: { host: HOST, port: ports.cache },
});

const placesOf = (ports: Ports, database: string, servers: Servers, data: DataFolder): Places => ({
  aws: urlOf(ports.aws),
  dynamodb: urlOf(ports.dynamodb),
  control: urlOf(ports.control),
  search: servers.searchUrl,
  cache: `redis://${HOST}:${ports.cache}`,
  issuer: urlOf(ports.issuer),
  api: urlOf(ports.api),
  console: urlOf(ports.deployedConsole),
  keys: keysFolder(data),
  database,
});

async function provision({ model, data, servers, control, functions, database, tell }: Parts): Promise<void> {
  const { queues, topics, subscriptions, buckets, tables } = model;
  const [aws, dynamodb] = await Promise.all([servers.aws, servers.dynamodb]);
  await Promise.all([
    aws.server.provision({
      region: REGION,
      queues: [...queues],
      topics: [...topics],
      subscriptions: [...subscriptions],
      buckets: [...buckets],
    }),
    createTables(dynamodb.server.endpoint, tables),
  ]);
  const customResources = new CustomResources(data, control);
  const applied = new Map<string, Promise<'new' | 'known'>>();
  const apply = async (resource: CustomResource) => {
    await Promise.all(resource.after.map(id => applied.get(id)));
    const target = functions.get(resource.functionName);
    const needsSearch = 'OPENSEARCH_URL' in target.model.environment;
    const engines = needsSearch ? [dynamodb, await servers.search] : [dynamodb];
    const state = await customResources.apply(resource, target, engines.map(({ server }) => server.kind).join());
    // What is no store has nothing to be filled with.
    return 'Store' in resource.properties ? state : 'known';
  };
  // They are in an order in which each finds those before it that it needs.
  for (const resource of model.customResources) applied.set(resource.id, apply(resource));
  if ((await Promise.all(applied.values())).includes('new')) {
    const count = await republish(database, subscribedAggregates(model));
    if (count > 0) tell({ kind: 'step', message: `a new store: publishing ${count} aggregates again, to fill it` });
  }
  customResources.remember();
}

async function startPipeline({ options, model, servers, functions, metrics, tell }: Parts): Promise<Pipeline> {
  const [aws] = await Promise.all([servers.aws, servers.search]);
  return new Pipeline({
    model,
    functions,
    metrics,
    aws: () => aws.server,
    instancesPerQueue: options.instancesPerQueue ?? 1,
    onAlarm: ({ name, state, description }) => tell({ kind: 'alarm', name, state, description }),
    onRestart: message => tell({ kind: 'function-restarted', message }),
  });
}

async function endpointsOf(
  { options, model, data, servers, control, database }: Parts,
  roles: readonly string[],
): Promise<Endpoints> {
  const [aws, dynamodb, search] = await Promise.all([servers.aws, servers.dynamodb, servers.search]);
  const { url, kind, version } = search.server;
  return {
    pid: process.pid,
    startedAt: new Date().toISOString(),
    control: control.url,
    region: REGION,
    credentials: CREDENTIALS,
    postgres: { url: database, roles: Object.fromEntries(roles.map(role => [role, roleUrl(database, role)])) },
    opensearch: { url, kind, version },
    dynamodb: { endpoint: dynamodb.server.endpoint, kind: dynamodb.server.kind },
    sqs: aws.server.endpoint,
    sns: aws.server.endpoint,
    s3: aws.server.endpoint,
    ...pipelinePlaces(model),
    protectionKeys: keysOf(model, keysFolder(data)),
    teams: [...(options.teams ?? [])],
    logs: data.folder('logs'),
  };
}

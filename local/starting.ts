import { join, resolve } from 'node:path';
import { queueUrl } from './aws.ts';
import { CREDENTIALS } from './credentials.ts';
import { CustomResources } from './custom-resources.ts';
import { allotPorts, type DataFolder } from './data-folder.ts';
import { ENDPOINTS_FILE, type Endpoints } from './endpoints.ts';
import { functionEnvironment, type Places } from './function-environment.ts';
import type { LocalEvent, LocalMode, LocalModeOptions, LocalStatus } from './local-mode.ts';
import { type Ports, SERVER_NAMES, Servers } from './local-servers.ts';
import { pipelinePlaces } from './pipeline-places.ts';
import { allowLogins, createDatabase, createTables, roleUrl } from './provisioning.ts';
import { bundleBootstrap } from './runtime/bundle-bootstrap.ts';
import { type ControlServer, startControlServer } from './runtime/control-server.ts';
import { LocalFunctions } from './runtime/functions.ts';
import { MetricStore } from './runtime/metrics.ts';
import { Pipeline } from './runtime/pipeline.ts';
import { synthesised } from './synthesis.ts';
import { readAssembly } from './template/assembly.ts';
import type { CustomResource } from './template/compute.ts';
import { ACCOUNT, REGION } from './template/intrinsics.ts';
import type { Surroundings } from './template/kind.ts';
import { type Model, readModel } from './template/model.ts';

type Undo = (() => unknown)[];

/** The way up, each step as soon as what it needs is there. What has to be taken back is added to `undo`. */
export async function start(options: LocalModeOptions, data: DataFolder, undo: Undo): Promise<Omit<LocalMode, 'stop'>> {
  const tell = options.onEvent ?? (() => {});
  const ports = await allotPorts(data, SERVER_NAMES, options.ports ?? {});
  const servers = new Servers({ data, ports, search: options.search, dynamodb: options.dynamodb, tell });
  undo.push(() => servers.stop());
  const [outDir, bootstrap] = await Promise.all([templates(options, tell), bundleBootstrap(data.folder('runtime'))]);
  const model = readModel(readAssembly(outDir), surroundingsOf(ports));
  const database = await openDatabase(model, servers);
  const places = () => placesOf(ports, database, servers);
  const metrics = new MetricStore();
  const functions = new LocalFunctions({
    model,
    bootstrap,
    logs: data.folder('logs'),
    metrics,
    environment: fn => functionEnvironment(fn, places()),
  });
  undo.push(() => functions.stop());
  let status = async (): Promise<unknown> => ({ pid: process.pid, starting: true });
  const control = await startControlServer({ port: ports.control, functions, metrics, status: () => status() });
  undo.push(() => control.stop());
  await provision(model, data, servers, control, functions);
  const roles = await allowLogins(database);
  const pipeline = await startPipeline(options, model, servers, functions, metrics);
  undo.push(() => pipeline.stop());
  const endpoints = await endpointsOf(model, data, servers, control, database, roles);
  data.write(ENDPOINTS_FILE, endpoints);
  undo.push(() => data.remove(ENDPOINTS_FILE));
  const wholeStatus = async (): Promise<LocalStatus> => ({
    pid: process.pid,
    servers: servers.statuses(),
    ...(await pipeline.status()),
  });
  status = wholeStatus;
  return {
    endpoints,
    metrics,
    status: wholeStatus,
    processes: () => [...servers.processes(), ...functions.processes()],
  };
}

/** The repository. */
const ROOT = resolve(import.meta.dirname, '..');
/** Kept beside the repository's other derived files, for all data folders. */
const SYNTHESES = join(ROOT, '.distributary', 'syntheses');

function templates({ outDir }: LocalModeOptions, tell: (event: LocalEvent) => void): Promise<string> | string {
  const onLog = (message: string) => tell({ kind: 'step', message });
  return outDir ?? synthesised({ root: ROOT, cache: SYNTHESES, onLog });
}

const HOST = '127.0.0.1';
const urlOf = (port: number): string => `http://${HOST}:${port}`;

const surroundingsOf = (ports: Ports): Surroundings => ({
  queueUrl: name => queueUrl(urlOf(ports.aws), ACCOUNT, name),
  database: { host: HOST, port: ports.postgres },
  searchDomain: `${HOST}:${ports.search}`,
});

const placesOf = (ports: Ports, database: string, servers: Servers): Places => ({
  aws: urlOf(ports.aws),
  dynamodb: urlOf(ports.dynamodb),
  lambda: urlOf(ports.control),
  search: servers.searchUrl,
  database,
});

async function openDatabase(model: Model, servers: Servers): Promise<string> {
  const { server } = await servers.postgres;
  return createDatabase(server.url, model.clusters[0]?.databaseName ?? 'postgres');
}

async function provision(
  model: Model,
  data: DataFolder,
  servers: Servers,
  control: ControlServer,
  functions: LocalFunctions,
): Promise<void> {
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
  const done = new Map<string, Promise<void>>();
  const apply = async (resource: CustomResource): Promise<void> => {
    await Promise.all(resource.after.map(id => done.get(id)));
    const target = functions.get(resource.functionName);
    const needsSearch = 'OPENSEARCH_URL' in target.model.environment;
    const kinds = [needsSearch && (await servers.search).server.kind, dynamodb.server.kind];
    await customResources.apply(resource, target, kinds);
  };
  // They are in an order in which each finds those before it that it needs.
  for (const resource of model.customResources) done.set(resource.id, apply(resource));
  await Promise.all(done.values());
}

async function startPipeline(
  options: LocalModeOptions,
  model: Model,
  servers: Servers,
  functions: LocalFunctions,
  metrics: MetricStore,
): Promise<Pipeline> {
  const [aws] = await Promise.all([servers.aws, servers.search]);
  const tell = options.onEvent ?? (() => {});
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
  model: Model,
  data: DataFolder,
  servers: Servers,
  control: ControlServer,
  database: string,
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
    logs: data.folder('logs'),
  };
}

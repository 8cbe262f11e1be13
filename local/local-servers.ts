import { join } from 'node:path';
import { type Aws, startAws } from './aws.ts';
import type { DataFolder } from './data-folder.ts';
import { type Dynamo, type DynamoChoice, startDynamo } from './dynamodb.ts';
import type { LocalEvent, LocalProcess, ServerStatus } from './local-mode.ts';
import type { Ports } from './ports.ts';
import { type Postgres, startPostgres } from './postgres.ts';
import { KeptServer } from './processes.ts';
import { LogFile } from './runtime/log-file.ts';
import { type Search, type SearchChoice, startSearch } from './search/index.ts';
import { startValkey, type ValkeyServer } from './valkey.ts';

export interface ServersOptions {
  readonly data: DataFolder;
  readonly ports: Ports;
  readonly search?: SearchChoice | undefined;
  readonly dynamodb?: DynamoChoice | undefined;
  tell(event: LocalEvent): void;
}

type AnyServer = Postgres | Aws | Dynamo | Search | ValkeyServer;

/** The embedded servers, each kept running. All of them start at once; wait for those that you need. */
export class Servers {
  readonly postgres: Promise<KeptServer<Postgres>>;
  readonly aws: Promise<KeptServer<Aws>>;
  readonly dynamodb: Promise<KeptServer<Dynamo>>;
  readonly search: Promise<KeptServer<Search>>;
  #cache: Promise<KeptServer<ValkeyServer>> | undefined;
  readonly #tell: (event: LocalEvent) => void;
  readonly #log: LogFile;
  readonly #started: KeptServer<AnyServer>[] = [];
  #searchUrl = '';

  constructor({ data, ports, search = 'auto', dynamodb = 'dynalite', tell }: ServersOptions) {
    this.#tell = tell;
    this.#log = new LogFile(join(data.folder('logs'), 'postgres.log'));
    const options = (name: 'postgres' | 'aws' | 'dynamodb' | 'search') => ({
      dataDir: data.folder(name),
      port: ports[name],
      onLog: (line: string) => tell({ kind: 'log', name, line }),
    });
    const onLog = (line: string) => this.#log.write(line);
    this.postgres = this.#keep(
      'postgres',
      () => startPostgres({ ...options('postgres'), onLog }),
      ({ port }) => `PostgreSQL 17 at port ${port}`,
    );
    this.aws = this.#keep(
      'aws',
      () => startAws(options('aws')),
      ({ endpoint }) => `SQS, SNS and S3 at ${endpoint}`,
    );
    this.dynamodb = this.#keep(
      'dynamodb',
      () => startDynamo({ ...options('dynamodb'), choice: dynamodb }),
      ({ endpoint, kind }) => `${kind === 'real' ? 'DynamoDB Local' : 'dynalite for DynamoDB'} at ${endpoint}`,
    );
    this.search = this.#keep(
      'search',
      () => startSearch({ ...options('search'), choice: search }),
      server => {
        this.#searchUrl = server.url;
        return `${server.reason} at ${server.url}`;
      },
    );
  }

  /** Only where the templates ask for it. Throws `tool-missing`. */
  async startCache(dataDir: string, port: number): Promise<void> {
    this.#cache = this.#keep(
      'cache',
      () => startValkey({ dataDir, port }),
      ({ url, program }) => `${program} for Valkey at ${url}`,
    );
    await this.#cache;
  }

  /** Once search has started. */
  get searchUrl(): string {
    return this.#searchUrl;
  }

  statuses(): readonly ServerStatus[] {
    return this.#started.map(({ name, isUp, server, restarts }) => ({ name, up: isUp, pid: server.pid, restarts }));
  }

  processes(): readonly LocalProcess[] {
    return this.#started.flatMap(({ name, isUp, server }) => {
      const { pid } = server;
      if (!isUp || pid === undefined) return [];
      return [{ name, kind: 'server' as const, pid, busy: true, kill9: () => void server.kill9?.() }];
    });
  }

  /** Also those that are still starting. */
  async stop(): Promise<void> {
    const all = await Promise.allSettled([this.postgres, this.aws, this.dynamodb, this.search, this.#cache]);
    await Promise.all(all.map(async result => result.status === 'fulfilled' && (await result.value?.stop())));
    this.#log.close();
  }

  #keep<Kept extends AnyServer>(
    name: string,
    start: () => Promise<Kept>,
    describe: (server: Kept) => string,
  ): Promise<KeptServer<Kept>> {
    const kept = KeptServer.start(name, start, this.#tell).then(server => {
      this.#started.push(server);
      this.#tell({ kind: 'up', name, detail: describe(server.server) });
      return server;
    });
    // Whoever waits for it hears of a failure; nobody may be waiting yet.
    kept.catch(() => {});
    return kept;
  }
}

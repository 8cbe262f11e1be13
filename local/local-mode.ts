import type { ConsoleView } from './console-server.ts';
import type { DynamoChoice } from './dynamodb.ts';
import type { Endpoints } from './endpoints.ts';
import type { Ports } from './ports.ts';
import type { ServerEvent } from './processes.ts';
import type { MetricStore } from './runtime/metrics.ts';
import type { PipelineStatus } from './runtime/pipeline.ts';
import type { SearchChoice } from './search/index.ts';

export interface LocalModeOptions {
  /** Everything that is kept, and the logs. One local mode to a folder. */
  readonly dataDir: string;
  /** @default 'auto' */
  readonly search?: SearchChoice;
  /** @default 'dynalite' */
  readonly dynamodb?: DynamoChoice;
  /** Start over: remove what the folder holds. @default false */
  readonly fresh?: boolean;
  /** @default those of the last start, else free ones */
  readonly ports?: Partial<Ports>;
  /** Holds synthesised templates. @default those of this repository's app, synthesised when its sources have changed */
  readonly outDir?: string;
  /** Projected stores to run: the stacks of the others are left out. @default all */
  readonly stores?: readonly string[];
  /** Repositories of teams whose projections run along. @default none */
  readonly teams?: readonly string[];
  /** Instances that poll a queue at once. @default 1 */
  readonly instancesPerQueue?: number;
  /** Opens what the web console shows, which is then served. @default no console */
  readonly console?: ((endpoints: Endpoints) => ConsoleView) | undefined;
  readonly onEvent?: (event: LocalEvent) => void;
}

export type LocalEvent =
  /** The way up, for a reader: `synthesising the templates`. */
  | { readonly kind: 'step'; readonly message: string }
  /** Something on the way up is there: `search`, `OpenSearch 3.6.0 on Java 25 at http://…`. */
  | { readonly kind: 'up'; readonly name: string; readonly detail: string }
  | { readonly kind: 'log'; readonly name: string; readonly line: string }
  | { readonly kind: 'alarm'; readonly name: string; readonly state: string; readonly description: string }
  | { readonly kind: 'function-restarted'; readonly message: string }
  | ServerEvent;

/** A process of local mode as it is now. */
export interface LocalProcess {
  /** `postgres`, `aws`, `dynamodb`, `search`, or a function's name. */
  readonly name: string;
  readonly kind: 'server' | 'function';
  readonly pid: number;
  /** Whether it has work in hand. */
  readonly busy: boolean;
  /** Ends it as a power cut would; it is started again. */
  kill9(): void;
}

export interface ServerStatus {
  readonly name: string;
  readonly up: boolean;
  readonly pid: number | undefined;
  readonly restarts: number;
}

export interface LocalStatus extends PipelineStatus {
  readonly pid: number;
  readonly servers: readonly ServerStatus[];
}

export interface LocalMode {
  readonly endpoints: Endpoints;
  /** The last hour of every metric. */
  readonly metrics: MetricStore;
  status(): Promise<LocalStatus>;
  processes(): readonly LocalProcess[];
  /** Ends everything in good order; what is in the queues stays there for the next start. Safe to repeat. */
  stop(): Promise<void>;
}

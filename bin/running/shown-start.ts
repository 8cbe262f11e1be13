import type { LocalEvent, LocalMode, LocalModeOptions } from '../../local/local-mode.ts';
import { startLocalMode } from '../../local/starting.ts';
import { tableLines } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { seconds } from '../terminal/wording.ts';

/** One thing that runs. */
export interface Component {
  readonly name: string;
  /** Engine and version; why a stand-in is one. */
  readonly what: string;
  readonly address: string;
  readonly pids: readonly number[];
}

export interface Started {
  readonly mode: LocalMode;
  readonly components: readonly Component[];
  readonly seconds: number;
}

/** Starts local mode and tells each step, and what happens later: a server that died, an alarm that rings. */
export async function startShown(options: Omit<LocalModeOptions, 'onEvent'>, terminal: Terminal): Promise<Started> {
  const startedAt = Date.now();
  const engines = new Map<string, string>();
  const mode = await startLocalMode({
    ...options,
    onEvent(event) {
      if (event.kind === 'up') engines.set(event.name, event.detail);
      const words = wordsOf(event, terminal);
      if (words !== undefined) terminal.note(words);
    },
  });
  return { mode, components: componentsOf(mode, engines), seconds: (Date.now() - startedAt) / 1000 };
}

function wordsOf(event: LocalEvent, { paint }: Terminal): string | undefined {
  switch (event.kind) {
    case 'step':
      return paint('faint', `${event.message} …`);
    case 'up':
      return `${paint('good', '✓')} ${event.name}: ${event.detail}`;
    case 'log':
      return paint('faint', `${event.name}: ${event.line}`);
    case 'died':
      return `${paint('bad', '!')} ${event.name} died, starting it again`;
    case 'restarted':
      return `${paint('good', '✓')} ${event.name} runs again${event.pid === undefined ? '' : `, process ${event.pid}`}`;
    case 'restart-failed':
      return `${paint('bad', '!')} ${event.name} does not start: ${event.error instanceof Error ? event.error.message : event.error}`;
    case 'function-restarted':
      return `${paint('warning', '!')} ${event.message}`;
    case 'alarm':
      // That all is well when it starts is no news.
      return event.state === 'ALARM' ? `${paint('bad', '!')} alarm ${event.name}: ${event.description}` : undefined;
  }
}

function componentsOf({ endpoints, processes }: LocalMode, engines: ReadonlyMap<string, string>): readonly Component[] {
  const running = processes();
  const pidsOf = (name: string) => running.filter(process => process.name === name).map(({ pid }) => pid);
  /** The address has a column of its own. */
  const engineOf = (name: string) => (engines.get(name) ?? '').replace(/ at (port )?\S+$/, '');
  const { postgres, sqs, dynamodb, opensearch, control, stores } = endpoints;
  const server = (name: string, key: string, address: string): Component => ({
    name,
    what: engineOf(key),
    address: withoutPassword(address),
    pids: pidsOf(key),
  });
  const relays = running.filter(({ name }) => name.endsWith('-relay')).map(({ pid }) => pid);
  return [
    server('canonical store', 'postgres', postgres.url),
    server('queues, topic, buckets', 'aws', sqs),
    server('key-value tables', 'dynamodb', dynamodb.endpoint),
    server('search', 'search', opensearch.url),
    { name: 'control', what: 'status, metrics, invocations', address: control, pids: [process.pid] },
    {
      name: 'API',
      what: 'commands and queries; distributary token lets you in',
      address: endpoints.api ?? '',
      pids: [process.pid],
    },
    { name: 'relay', what: 'streams the outbox to the topic', address: '', pids: relays },
    ...Object.entries(stores).map(([store, { projector, engine }]) => ({
      name: store,
      what: `projector to ${engine}`,
      address: '',
      pids: pidsOf(projector),
    })),
  ];
}

function withoutPassword(address: string): string {
  const url = new URL(address);
  url.password = '';
  return url.href.replace(/\/$/, '');
}

export const componentLines = ({ components, seconds: took }: Started, { paint }: Terminal): readonly string[] => [
  ...tableLines(components, [
    { title: 'component', of: ({ name }) => paint('strong', name) },
    { title: 'engine', of: ({ what }) => what },
    { title: 'address', of: ({ address }) => address },
    { title: 'process', of: ({ pids }) => pids.join(', ') },
  ]),
  '',
  `started in ${seconds(took)}`,
];

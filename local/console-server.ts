import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { JsonObject } from '../core/change.ts';
import { DistributaryError } from '../core/errors.ts';
import type { Responsibility } from '../core/governance/responsibility-matrix.ts';
import type { AnswerOf, Reply } from '../functions/operate/operations.ts';
import { consoleDoor, type DoorOptions } from '../functions/operate-http/door.ts';
import { consoleFeed, type Look } from './console/feed.ts';
import { consolePage } from './console/page.ts';
import { localSessions } from './console/sessions.ts';
import { type Endpoints, operatorOf } from './endpoints.ts';
import { listen } from './http-listen.ts';

/** What the console shows besides what the operations function answers. */
export interface ConsoleView {
  look(): Promise<Look>;
  close(): Promise<void>;
  readonly responsibilities: readonly Responsibility[];
  readonly search: DoorOptions['search'];
}

export interface ConsoleServer {
  readonly url: string;
  stop(): Promise<void>;
}

export interface ConsoleOptions {
  readonly port: number;
  /** Where the operations functions are invoked. */
  readonly places: Pick<Endpoints, 'control' | 'operate' | 'stores'>;
  readonly view: ConsoleView;
}

/** Its own as long as nobody else has it: a page to be kept among the bookmarks. */
export const CONSOLE_PORT = 4700;
const HOST = '127.0.0.1';
/** Long enough for a redrive of some hundred messages. */
const ASK_TIMEOUT_MS = 60_000;

/** The web console of local mode, on the loopback interface only. Throws `port-taken`. */
export async function startConsole({ port, places, view }: ConsoleOptions): Promise<ConsoleServer> {
  const [page, ask] = [await consolePage(), askedAt(places)];
  const hosts = [`${HOST}:${port}`, `localhost:${port}`];
  const envelope = { api: 1, actor: 'console', reason: 'the console is watched' };
  const nudge = (store: string) => void ask({ ...envelope, operation: 'runs.advance', store }, 'Event').catch(() => {});
  const feed = consoleFeed({
    look: () => view.look(),
    runsOf: store =>
      ask({ ...envelope, operation: 'run.list', store, limit: 8 }) as Promise<Reply<AnswerOf<'run.list'>>>,
    nudge,
  });
  const sessions = localSessions(`distributary-console-${port}`);
  const door = consoleDoor({
    page,
    origins: hosts.map(host => `http://${host}`),
    personOf: request => sessions.personOf(request),
    entrance: sessions,
    ask,
    nudge,
    live: signal => feed.open(signal),
    responsibilities: view.responsibilities,
    search: (as, question) => view.search(as, question),
  });
  const server = createServer((request, response) => {
    // Whoever makes another name point here is another site.
    if (!hosts.includes(request.headers.host ?? '')) response.writeHead(421).end();
    else answer(door, request, response).catch(() => response.destroy());
  });
  const listening = await listen(server, port);
  return {
    url: listening.url,
    async stop() {
      feed.stop();
      listening.stop();
      await view.close();
    },
  };
}

/** Serves the console when there is something to show; the endpoints say where. */
export async function withConsole(
  endpoints: Endpoints,
  { port, view }: { readonly port: number; readonly view: ((endpoints: Endpoints) => ConsoleView) | undefined },
): Promise<{ readonly endpoints: Endpoints; stop(): Promise<void> }> {
  if (!view) return { endpoints, stop: async () => {} };
  const { url, stop } = await startConsole({ port, places: endpoints, view: view(endpoints) });
  return { endpoints: { ...endpoints, console: url }, stop };
}

/** A request of Node's server as the door takes it, and the door's answer back. */
async function answer(
  door: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once('close', () => gone.abort());
  const { method = 'GET', url = '/', headers } = incoming;
  const isEmpty = method === 'GET' || method === 'HEAD';
  const request = new Request(`http://${headers.host}${url}`, {
    method,
    headers: Object.entries(headers).flatMap(([name, value]): [string, string][] =>
      typeof value === 'string' ? [[name, value]] : [],
    ),
    ...(!isEmpty && { body: Readable.toWeb(incoming) as ReadableStream, duplex: 'half' }),
    signal: gone.signal,
  });
  const response = await door(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (!response.body) outgoing.end();
  // A page that goes away in the middle of its events has not failed.
  else await pipeline(Readable.fromWeb(response.body as never), outgoing).catch(() => {});
}

/** Invokes the function as any client of Lambda does; a throttled or dying one is an error as the function's own are. */
function askedAt(places: ConsoleOptions['places']) {
  return async (request: JsonObject, type = 'RequestResponse'): Promise<Reply<unknown>> => {
    const url = `${places.control}/2015-03-31/functions/${operatorOf(places, request.store)}/invocations`;
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'x-amz-invocation-type': type },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
    }).catch(() => undefined);
    const hasFailed = !response?.ok || response.headers.has('x-amz-function-error');
    if (!hasFailed) return (type === 'Event' ? { ok: true, answer: null } : await response.json()) as Reply<unknown>;
    const what = response?.status === 429 ? 'is busy' : 'does not answer';
    const { code, message, hint } = new DistributaryError('store-unavailable', `the operations function ${what}`, {
      hint: "try again in a moment; else read the function's log",
    });
    return { ok: false, error: { code, message, hint } };
  };
}

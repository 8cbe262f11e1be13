import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LambdaClient } from '@aws-sdk/client-lambda';
import type { Responsibility } from '../core/governance/responsibility-matrix.ts';
import { consoleDoor, type PageFile, type Searching } from '../functions/operate-http/door.ts';
import { consoleFeed, type Look } from '../functions/operate-http/feed.ts';
import { operationsClient } from '../functions/operate-http/operations-client.ts';
import { chosenRole } from './chosen-role.ts';
import { type Endpoints, operatorOf } from './endpoints.ts';
import { listen } from './http-listen.ts';

/** What the console shows besides what the operations function answers. */
export interface ConsoleView {
  readonly page: ReadonlyMap<string, PageFile>;
  look(): Promise<Look>;
  close(): Promise<void>;
  readonly responsibilities: readonly Responsibility[];
  readonly searching: Searching;
}

export interface ConsoleServer {
  readonly url: string;
  stop(): Promise<void>;
}

export interface ConsoleOptions {
  readonly port: number;
  /** Where the operations functions are invoked. */
  readonly places: Pick<Endpoints, 'control' | 'operate' | 'stores' | 'region' | 'credentials'>;
  readonly view: ConsoleView;
}

/** Its own as long as nobody else has it: a page to be kept among the bookmarks. */
export const CONSOLE_PORT = 4700;
const HOST = '127.0.0.1';
/** Long enough for a redrive of some hundred messages. */
const ASK_TIMEOUT_MS = 60_000;

/** The web console of local mode, on the loopback interface only. Throws `port-taken`. */
export async function startConsole({ port, places, view }: ConsoleOptions): Promise<ConsoleServer> {
  const hosts = [`${HOST}:${port}`, `localhost:${port}`];
  const { control: endpoint, region, credentials } = places;
  const requestHandler = { requestTimeout: ASK_TIMEOUT_MS, throwOnRequestTimeout: true };
  const lambda = new LambdaClient({
    endpoint,
    region,
    credentials: { ...credentials },
    maxAttempts: 1,
    requestHandler,
  });
  const operations = operationsClient({ lambda, functionFor: store => operatorOf(places, store) });
  const feed = consoleFeed({ look: () => view.look(), operations });
  const door = consoleDoor({
    page: view.page,
    origins: hosts.map(host => `http://${host}`),
    entrance: chosenRole(`distributary-console-${port}`),
    operations,
    live: signal => feed.open(signal),
    responsibilities: view.responsibilities,
    searching: view.searching,
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
      lambda.destroy();
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

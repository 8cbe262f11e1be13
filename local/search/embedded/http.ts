import type { IncomingMessage, ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { type Answer, render } from './answer.ts';
import type { Engine } from './engine.ts';
import { filterPath } from './filter-path.ts';
import { notSpoken, Refusal, refuse } from './refusal.ts';

/** OpenSearch's `http.max_content_length`. */
const MAX_BODY_BYTES = 100 * 1024 * 1024;

/** Parameters that every request may carry: how the answer is printed, and waits that one node never has to. */
const COMMON = [
  'pretty',
  'human',
  'error_trace',
  'filter_path',
  'timeout',
  'master_timeout',
  'cluster_manager_timeout',
  'wait_for_active_shards',
  'preference',
  'request_cache',
  'batched_reduce_size',
  'max_concurrent_shard_requests',
  'allow_partial_search_results',
];

export interface Request {
  readonly engine: Engine;
  /** The parts of the path that the route names. */
  readonly at: { readonly [name: string]: string };
  readonly params: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface Reply {
  readonly status?: number;
  readonly body: Answer;
}

/** One line of the interface: `GET /:index/_doc/:id`, the parameters it understands, and what it does. */
export interface Route {
  readonly methods: readonly string[];
  readonly path: string;
  readonly params: readonly string[];
  readonly handle: (request: Request) => Reply;
}

export const isTrue = (params: ReadonlyMap<string, string>, name: string) =>
  params.has(name) && params.get(name) !== 'false';

/** Answers one request. After a write that failed, be it for a full disk, the process ends: started again, it is right. */
export async function answer(
  engine: Engine,
  routes: readonly Route[],
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  let reply: Reply;
  let defect: unknown;
  try {
    reply = dispatch(engine, routes, incoming.method ?? 'GET', incoming.url ?? '/', await readBody(incoming));
  } catch (error) {
    if (!(error instanceof Refusal)) defect = error;
    reply = asReply(error);
  }
  const text = incoming.method === 'HEAD' ? '' : typeof reply.body === 'string' ? reply.body : render(reply.body);
  outgoing.writeHead(reply.status ?? 200, {
    'content-type': 'application/json; charset=UTF-8',
    'content-length': Buffer.byteLength(text),
    'x-distributary-stand-in': 'embedded search engine',
  });
  if (defect !== undefined) console.error(defect);
  outgoing.end(text, () => {
    if (engine.storage.hasFailed) process.exit(1);
  });
}

function asReply(error: unknown): Reply {
  if (error instanceof Refusal) return { status: error.status, body: error.body };
  const reason = error instanceof Error ? error.message : String(error);
  return { status: 500, body: refuse(500, 'exception', reason).body };
}

function dispatch(engine: Engine, routes: readonly Route[], method: string, url: string, body: string): Reply {
  const { pathname, searchParams } = new URL(url, 'http://local');
  const segments = pathname.split('/').filter(segment => segment !== '');
  const here = routes.flatMap(route => {
    const at = match(route.path.split('/').filter(Boolean), segments);
    return at ? [{ route, at }] : [];
  });
  // The most literal path wins: `/_bulk` before `/:index`.
  const found = here.find(({ route }) => route.methods.includes(method));
  if (!found) throw notSpoken(`[${method} ${pathname}]`);
  const params = new Map(searchParams);
  for (const name of params.keys()) {
    if (!found.route.params.includes(name) && !COMMON.includes(name)) {
      throw notSpoken(`parameter [${name}] of [${method} ${pathname}]`);
    }
  }
  const reply = found.route.handle({ engine, at: found.at, params, body });
  const filter = params.get('filter_path');
  return filter === undefined ? reply : { ...reply, body: filterPath(reply.body, filter) };
}

/** A named part takes any segment but one with an underscore in front: those are the interface's own words. */
function match(pattern: readonly string[], segments: readonly string[]): { [name: string]: string } | undefined {
  if (pattern.length !== segments.length) return undefined;
  const at: { [name: string]: string } = {};
  for (const [i, part] of pattern.entries()) {
    const segment = segments[i] as string;
    if (!part.startsWith(':')) {
      if (part !== segment) return undefined;
    } else if (part === ':index' && segment.startsWith('_') && segment !== '_all') return undefined;
    else at[part.slice(1)] = decodeURIComponent(segment);
  }
  return at;
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES)
      throw refuse(413, 'content_too_long_exception', `the body exceeds ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  return (incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8');
}

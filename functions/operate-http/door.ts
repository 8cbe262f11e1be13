import * as z from 'zod';
import type { JsonObject } from '../../core/change.ts';
import type { Responsibility } from '../../core/governance/responsibility-matrix.ts';
import { PERSON_ROLES, type PersonRole } from '../../core/policy.ts';
import type { Reply } from '../operate/operations.ts';
import { json, refuse, respond } from './answers.ts';
import { type Person, permissionOf } from './permitted.ts';

/** A file of the page. */
export interface PageFile {
  readonly type: string;
  readonly body: string;
}

/** Where somebody signs in at this door itself, and not with an issuer of tokens. */
export interface Entrance {
  /** `Set-Cookie` of a new session; nothing when there is no such role. */
  enter(role: string): string | undefined;
  /** Ends the session, and the `Set-Cookie` that forgets it. */
  leave(request: Request): string;
}

export interface DoorOptions {
  /** By path: `/`, `/console.js`. */
  readonly page: ReadonlyMap<string, PageFile>;
  /** Whose pages may send what changes something: `http://127.0.0.1:4700`. */
  readonly origins: readonly string[];
  /** Who sends it; nothing for nobody. */
  personOf(request: Request): Person | undefined;
  readonly entrance: Entrance;
  /** The operations function. */
  ask(request: JsonObject): Promise<Reply<unknown>>;
  /** Has a store's run gone on with, and does not wait for it. */
  nudge(store: string): void;
  /** Server-sent events for one page, until the signal is aborted. */
  live(signal: AbortSignal): ReadableStream<Uint8Array>;
  readonly responsibilities: readonly Responsibility[];
  /** The API's answer to a search, asked as somebody of the role; it masks and reauthorises as for any caller. */
  search(as: PersonRole, question: JsonObject): Promise<Searched>;
}

/** `body` is the API's own: its answer, or its problem. */
export interface Searched {
  readonly status: number;
  readonly body: JsonObject;
}

/** A question with a reason; nothing that the console asks is larger. */
const MAX_BODY_BYTES = 16 * 1024;
/** What starts or ends a run, so that somebody has to go on with it. */
const NUDGED = ['rebuild.start', 'drift.start', 'run.resume', 'run.cancel', 'run.pause'];
const LOOKED_AT = 'looked at in the console';

const signInSchema = z.strictObject({ role: z.string().max(40) });
const searchedSchema = z.strictObject({ as: z.enum(PERSON_ROLES), question: z.custom<JsonObject>(isObject) });
const askedSchema = z.looseObject({
  operation: z.string().max(80),
  store: z.string().max(80).optional(),
  reason: z.string().trim().min(1).max(1000).default(LOOKED_AT),
});

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The console over HTTP, whatever serves it: its page, who is there, what flows, and the operations function. It decides
 * who may ask what, says who asked, and adds no power of its own.
 */
export function consoleDoor(options: DoorOptions): (request: Request) => Promise<Response> {
  const { page, origins, personOf, entrance } = options;

  async function route(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const file = page.get(pathname);
    if (file && isReading(request)) return respond(file.body, file.type);
    if (!pathname.startsWith('/api/')) return refuse(404, 'request-invalid', `there is nothing at ${pathname}`);
    if (!isReading(request) && !isOurs(request, origins)) {
      return refuse(403, 'not-permitted', 'the request comes from another page than the console');
    }
    if (pathname === '/api/session') return session(request);
    const person = personOf(request);
    if (!person) return refuse(401, 'not-signed-in', 'nobody is signed in');
    const does = `${request.method} ${pathname}`;
    if (does === 'GET /api/responsibilities') return json(options.responsibilities);
    if (does === 'GET /api/live') return respond(options.live(request.signal), 'text/event-stream');
    if (does === 'POST /api/operations') return operate(request, person, options);
    if (does === 'POST /api/search') return search(request, options);
    return refuse(404, 'request-invalid', `there is nothing at ${pathname}`);
  }

  async function session(request: Request): Promise<Response> {
    if (isReading(request)) return json({ person: personOf(request) ?? null });
    if (request.method === 'DELETE') return json({ person: null }, 200, { 'set-cookie': entrance.leave(request) });
    const asked = signInSchema.safeParse(await bodyOf(request));
    const cookie = asked.success ? entrance.enter(asked.data.role) : undefined;
    if (cookie === undefined) return refuse(400, 'request-invalid', 'there is no such role');
    return json({}, 200, { 'set-cookie': cookie });
  }

  return route;
}

const isReading = ({ method }: Request): boolean => method === 'GET' || method === 'HEAD';

/** Browsers say where a POST comes from, and no page can make them lie; what says nothing is no browser with our cookie. */
function isOurs({ headers }: Request, origins: readonly string[]): boolean {
  const site = headers.get('sec-fetch-site');
  return origins.includes(headers.get('origin') ?? '') && (site === null || site === 'same-origin');
}

async function operate(request: Request, person: Person, { ask, nudge }: DoorOptions): Promise<Response> {
  const asked = askedSchema.safeParse(await bodyOf(request));
  if (!asked.success) return refuse(400, 'request-invalid', 'the request names no operation');
  const { operation, reason, ...fields } = asked.data;
  const permission = permissionOf(operation, person);
  if (permission === 'unknown') return refuse(404, 'request-invalid', `the console has no operation "${operation}"`);
  if (permission === 'needs-operator') {
    return refuse(403, 'not-permitted', `${operation} takes an operator, and ${person.name} is a ${person.role}`);
  }
  // Last, so that nobody asks in another's name.
  const reply = await ask({ ...(fields as JsonObject), operation, reason, api: 1, actor: person.name });
  if (reply.ok && NUDGED.includes(operation) && fields.store !== undefined) nudge(fields.store);
  return json(reply, reply.ok ? 200 : 409);
}

/** What a person of a role would be shown: by the API, which decides; here nothing is added to it or taken away. */
async function search(request: Request, options: DoorOptions): Promise<Response> {
  const asked = searchedSchema.safeParse(await bodyOf(request));
  if (!asked.success) return refuse(400, 'request-invalid', 'the request names no role and question');
  const { status, body } = await options.search(asked.data.as, asked.data.question);
  if (status === 200) return json(body);
  return refuse(status === 503 ? 503 : 409, 'request-invalid', String(body.detail ?? 'the API does not answer'));
}

/** Undefined for what is no JSON of that size; a form of another site cannot send this type. */
async function bodyOf(request: Request): Promise<unknown> {
  if (!/^application\/json\b/.test(request.headers.get('content-type') ?? '')) return undefined;
  const text = await request.text();
  if (text.length > MAX_BODY_BYTES) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import * as z from 'zod';
import type { JsonObject } from '../../core/change.ts';
import type { Responsibility } from '../../core/governance/responsibility-matrix.ts';
import { PERSON_ROLES, type PersonRole } from '../../core/policy.ts';
import { json, refuse, respond } from './answers.ts';
import type { OperationsClient } from './operations-client.ts';
import { actorOf, type Person, permissionOf } from './permitted.ts';

/** A file of the page. */
export interface PageFile {
  readonly type: string;
  readonly body: string;
}

/** A request answered. */
export type Answering = (request: Request) => Promise<Response>;

/** How somebody comes in, and goes. */
export interface Entrance {
  /** What the page offers who is not signed in: a choice of roles, or the way to the issuer. */
  readonly by: 'choice' | 'issuer';
  personOf(request: Request): Promise<Person | undefined>;
  /** By method and path, such as `GET /sign-in`. */
  readonly routes: Readonly<Record<string, Answering>>;
  /** Ends the session: the `Set-Cookie` that forgets it, and where the browser has to go to end it elsewhere too. */
  leave(request: Request): Promise<{ readonly cookie: string; readonly goTo?: string | undefined }>;
}

/** The API's search, which masks and reauthorises as for any caller. */
export interface Searching {
  /** As somebody of a role that is chosen, or as who is signed in. */
  readonly as: 'role' | 'self';
  /** Asked as somebody of the role; without one as who sends the request. */
  ask(question: JsonObject, as: PersonRole | undefined, request: Request): Promise<Searched>;
}

export interface DoorOptions {
  /** By path: `/`, `/console.js`. */
  readonly page: ReadonlyMap<string, PageFile>;
  /** Whose pages may send what changes something: `http://127.0.0.1:4700`. */
  readonly origins: readonly string[];
  readonly entrance: Entrance;
  readonly operations: OperationsClient;
  /** Server-sent events for one page: until the signal is aborted, or as much as there is to say now. */
  live(signal: AbortSignal): ReadableStream<Uint8Array> | Promise<string>;
  readonly responsibilities: readonly Responsibility[];
  readonly searching: Searching;
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

const question = z.custom<JsonObject>(isObject);
const SEARCHED = {
  role: z.strictObject({ as: z.enum(PERSON_ROLES), question }),
  self: z.strictObject({ as: z.undefined().optional(), question }),
};
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
export function consoleDoor(options: DoorOptions): Answering {
  const { page, origins, entrance, searching } = options;

  return async function answer(request) {
    const { pathname } = new URL(request.url);
    const file = page.get(pathname);
    if (file && isReading(request)) return respond(file.body, file.type);
    if (!isReading(request) && !isOurs(request, origins)) {
      return refuse(403, 'not-permitted', 'the request comes from another page than the console');
    }
    const does = `${request.method} ${pathname}`;
    const entering = Object.hasOwn(entrance.routes, does) ? entrance.routes[does] : undefined;
    if (entering) return entering(request);
    if (does === 'GET /api/session') return session(request);
    if (does === 'DELETE /api/session') return leave(request);
    if (!pathname.startsWith('/api/')) return refuse(404, 'request-invalid', `there is nothing at ${pathname}`);
    const person = await entrance.personOf(request);
    if (!person) return refuse(401, 'not-signed-in', 'nobody is signed in');
    if (does === 'GET /api/responsibilities') return json(options.responsibilities);
    if (does === 'GET /api/live') return respond(await options.live(request.signal), 'text/event-stream');
    if (does === 'POST /api/operations') return operate(request, person, options);
    if (does === 'POST /api/search') return search(request, options);
    return refuse(404, 'request-invalid', `there is nothing at ${pathname}`);
  };

  async function session(request: Request): Promise<Response> {
    const person = (await entrance.personOf(request)) ?? null;
    return json({ person, signInBy: entrance.by, searchAs: searching.as });
  }

  async function leave(request: Request): Promise<Response> {
    const { cookie, goTo = null } = await entrance.leave(request);
    return json({ goTo }, 200, { 'set-cookie': cookie });
  }
}

const isReading = ({ method }: Request): boolean => method === 'GET' || method === 'HEAD';

/** Browsers say where a POST comes from, and no page can make them lie; what says nothing is no browser with our cookie. */
function isOurs({ headers }: Request, origins: readonly string[]): boolean {
  const site = headers.get('sec-fetch-site');
  return origins.includes(headers.get('origin') ?? '') && (site === null || site === 'same-origin');
}

async function operate(request: Request, person: Person, { operations }: DoorOptions): Promise<Response> {
  const asked = askedSchema.safeParse(await bodyOf(request));
  if (!asked.success) return refuse(400, 'request-invalid', 'the request names no operation');
  const { operation, reason, ...fields } = asked.data;
  const permission = permissionOf(operation, person);
  if (permission === 'unknown') return refuse(404, 'request-invalid', `the console has no operation "${operation}"`);
  if (permission === 'needs-operator') {
    return refuse(403, 'not-permitted', `${operation} takes an operator, and ${person.name} is a ${person.role}`);
  }
  // Last, so that nobody asks in another's name.
  const asking = { ...(fields as JsonObject), operation, reason, api: 1, actor: actorOf(person) };
  const reply = await operations.ask(asking);
  if (reply.ok && NUDGED.includes(operation) && fields.store !== undefined) await operations.nudge(fields.store);
  return json(reply, reply.ok ? 200 : 409);
}

/** What a person would be shown: by the API, which decides; here nothing is added to it or taken away. */
async function search(request: Request, { searching }: DoorOptions): Promise<Response> {
  const asked = SEARCHED[searching.as].safeParse(await bodyOf(request));
  if (!asked.success) return refuse(400, 'request-invalid', 'the request names no role and question');
  const { status, body } = await searching.ask(asked.data.question, asked.data.as, request);
  if (status === 200) return json(body);
  return refuse(status === 503 ? 503 : 409, 'request-invalid', String(body.detail ?? 'the API does not answer'));
}

/** Undefined for what is no JSON of that size; a form of another site cannot send this type. */
export async function bodyOf(request: Request): Promise<unknown> {
  if (!/^application\/json\b/.test(request.headers.get('content-type') ?? '')) return undefined;
  const text = await request.text();
  if (text.length > MAX_BODY_BYTES) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import { createHash, randomUUID } from 'node:crypto';
import * as z from 'zod';
import { may, type Operation } from '../../core/policy.ts';
import type { Caller, Canonical, Session } from './canonical.ts';
import type { Made, Once } from './once.ts';
import { Problem } from './problem.ts';
import { type Rehydrated, rehydrate } from './rehydrate.ts';
import { type Answer, type Method, NOTHING, type Request, type Route, route, uuid } from './route.ts';

/** What commands are carried out with. Nothing here is a derived store: no command can read one. */
export interface CommandPorts {
  readonly canonical: Canonical;
  readonly once: Once;
  /** Counts a case that row-level security showed and the policy refuses. */
  onMismatch(operation: Operation): void;
}

/** What a command has to work with, in its transaction. */
export interface Work<Params, Body> {
  readonly session: Session;
  readonly params: Params;
  readonly body: Body;
  /** An id for something that the command makes: the same when the same intent is tried again. */
  newId(): string;
}

const versionSchema = z.int().describe('Version of the case after the command; wait for it with waitFor.');
/** What a command answers with, besides what it names itself. */
const DONE = z.object({ id: uuid, version: versionSchema });

interface Definition<P extends z.ZodObject, B extends z.ZodType> {
  readonly operation: Operation;
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  /** Besides the case. */
  readonly params?: P;
  readonly body?: B;
  /** Ids of what it makes. */
  readonly makes?: readonly string[];
  readonly status?: number;
}

type Params<P extends z.ZodObject> = z.output<P>;

/** A command on a case that is there: it is locked, seen as it is now, authorised, and compared with `If-Match`. */
export function caseCommand<P extends z.ZodObject = typeof NOTHING, B extends z.ZodType = typeof NOTHING>(
  definition: Definition<P, B> & {
    run(kase: Rehydrated, work: Work<Params<P>, z.output<B>>): Promise<Made | undefined>;
    /** After the transaction, for this request only. */
    readonly after?: (made: Made, kase: Made, body: z.output<B>) => Promise<object>;
    /** The case is gone when it is done. */
    readonly removes?: boolean;
  },
): (ports: CommandPorts) => Route {
  const { operation, run, removes } = definition;
  const params = z.strictObject({ case: uuid, ...definition.params?.shape });
  return ports =>
    command(ports, definition, params, true, async (session, request) => {
      const id = request.params.case as string;
      const kase = await authorised(ports, session, operation, id);
      checkVersion(kase, request.ifMatch);
      const work = workOf<Params<P>, z.output<B>>(session, request);
      const made = await run(kase, work);
      return { ...made, id, version: removes ? kase.version + 1 : await versionOf(session, id) };
    });
}

/** A command that is not on a case that is there: `run` says the id and the version of what it made or changed. */
export function freeCommand<P extends z.ZodObject = typeof NOTHING, B extends z.ZodType = typeof NOTHING>(
  definition: Definition<P, B> & {
    run(work: Work<Params<P>, z.output<B>>): Promise<Made & { readonly id: string; readonly version: number }>;
  },
): (ports: CommandPorts) => Route {
  const { operation, run } = definition;
  return ports =>
    command(ports, definition, definition.params ?? NOTHING, false, async (session, request) => {
      if (!may(session.standing, operation)) throw forbidden();
      return run(workOf<Params<P>, z.output<B>>(session, request));
    });
}

type Does = (session: Session, request: Request<Record<string, unknown>>) => Promise<Made>;

function command(
  { canonical, once }: CommandPorts,
  {
    operation,
    method,
    path,
    summary,
    body,
    makes = [],
    status = method === 'POST' ? 201 : 200,
  }: Definition<z.ZodObject, z.ZodType>,
  params: z.ZodObject,
  needsVersion: boolean,
  act: Does,
): Route {
  return route({
    method,
    path,
    operation,
    name: operation,
    summary,
    params,
    query: NOTHING,
    ...(body && { body }),
    answer: DONE.extend(Object.fromEntries(makes.map(name => [name, uuid]))),
    status,
    needsVersion,
    needsKey: method === 'POST',
    async run(request): Promise<Answer> {
      const perform = (): Promise<Made> =>
        canonical.transaction(request.caller, session => act(session, request as Request<Record<string, unknown>>));
      const made = await once.perform({ ...request, name: operation }, perform);
      return { status, body: made, version: made.version as number };
    },
  });
}

async function authorised(
  { onMismatch }: CommandPorts,
  session: Session,
  operation: Operation,
  id: string,
): Promise<Rehydrated> {
  // Locked first, so that what is seen then stays true until the end of the transaction.
  await session.query('select lock_case($1)', [id]);
  const kase = (await rehydrate(session, [id])).get(id);
  if (!kase) throw new Problem('not-found', 'there is no such case, or none that you may see');
  if (may(session.standing, operation, kase)) return kase;
  if (!may(session.standing, 'read-case', kase)) {
    onMismatch(operation);
    throw new Problem('not-found', 'there is no such case, or none that you may see');
  }
  throw forbidden();
}

const forbidden = (): Problem => new Problem('forbidden', 'your role may not do this');

function checkVersion({ version }: Rehydrated, ifMatch: Request['ifMatch']): void {
  if (ifMatch === 'any' || ifMatch === version) return;
  throw new Problem('version-outdated', 'somebody changed the case: look at it again', { members: { version } });
}

async function versionOf(session: Session, id: string): Promise<number> {
  const [row] = await session.query<{ version: string }>('select lock_case($1) as version', [id]);
  return Number(row!.version);
}

function workOf<P, B>(session: Session, request: Request): Work<P, B> {
  let made = 0;
  const { caller, idempotencyKey, params, body } = request;
  return {
    session,
    params: params as P,
    body: body as B,
    newId: () => (idempotencyKey === undefined ? randomUUID() : idOf(caller, idempotencyKey, made++)),
  };
}

/**
 * An id out of who intends what (a UUID of version 8, RFC 9562). If a function dies between its commit and the record of it,
 * the second try makes the same id, which the canonical store never takes twice.
 */
function idOf({ user }: Caller, key: string, index: number): string {
  const bytes = createHash('sha256').update(`${user}/${key}/${index}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

import pg from 'pg';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { inFlight } from '../../functions/in-flight.ts';
import { readDefinitions } from '../../lib/definitions.ts';
import { QUERIED } from '../../lib/stacks/api-stack.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import type { Session } from '../command.ts';
import { settle } from '../running/settled.ts';
import { startProgress } from '../terminal/progress.ts';
import { type AskApi, apiClient } from './api-client.ts';
import { hurryRestriction, type RestrictionReport } from './hurried-restriction.ts';
import { type Actor, type DrillWorld, makeUpPeople, sendHome } from './made-up-people.ts';
import { type Question, questionsOf } from './policy-questions.ts';

/** As many as local mode has instances of a function, and some that wait for their turn. */
const AT_ONCE = 4;

export interface Mismatch {
  readonly actor: string;
  readonly operation: string;
  readonly about: string;
  /** Statuses of HTTP, and what was shown. */
  readonly policy: string;
  readonly api: string;
}

export interface AuthorizationDrill {
  readonly actors: number;
  readonly cases: number;
  /** Operation → how many requests were compared. */
  readonly compared: Readonly<Record<string, number>>;
  readonly mismatches: readonly Mismatch[];
  readonly restriction: RestrictionReport;
  readonly passed: boolean;
}

/**
 * Everyone asks the API of a running local mode for everything, and each answer is compared with what core/policy.ts says;
 * then a case is restricted behind a backlog of ordinary changes. What the drill made it takes away again.
 */
export async function drillAuthorization(
  endpoints: Endpoints,
  { dataDir, backlog }: { readonly dataDir: string; readonly backlog: number },
  session: Session,
): Promise<AuthorizationDrill> {
  const { catalogue } = await readDefinitions();
  const contracts = catalogue.projected.filter(({ store_name }) => (QUERIED as readonly string[]).includes(store_name));
  const ask = apiClient(endpoints, dataDir);
  const db = new pg.Client(endpoints.postgres.url);
  await db.connect();
  try {
    const world = await makeUpPeople(db);
    try {
      await settle(endpoints, { ...catalogue, projected: contracts }, { signal: session.signal });
      const search = contracts.find(({ store_name }) => store_name === 'case-search')!;
      const { compared, mismatches } = await compare(ask, world, search, session);
      const restriction = await hurryRestriction(endpoints, db, ask, world, { contracts, backlog });
      const { actors, cases } = world;
      const passed = mismatches.length === 0 && restriction.shown.length === 0;
      return { actors: actors.length, cases: cases.length, compared, mismatches, restriction, passed };
    } finally {
      await sendHome(db, world);
    }
  } finally {
    await db.end();
  }
}

async function compare(ask: AskApi, world: DrillWorld, search: ProjectedContract, { terminal, signal }: Session) {
  const questions = world.actors.map(actor => [...questionsOf(actor, world, search)]);
  const most = Math.max(...questions.map(({ length }) => length));
  // Everybody's first, then everybody's second: nobody asks so often that the API tells them to slow down.
  const turns = Array.from({ length: most }, (_, index) => index).flatMap(index =>
    world.actors.flatMap((actor, at) => {
      const question = questions[at]![index];
      return question ? [{ actor, question }] : [];
    }),
  );
  const compared: Record<string, number> = {};
  const mismatches: Mismatch[] = [];
  const progress = startProgress(terminal, { title: 'questions', total: turns.length });
  let done = 0;
  await inFlight(turns, AT_ONCE, async ({ actor, question }) => {
    signal.throwIfAborted();
    const mismatch = await put(ask, actor, question);
    if (mismatch) mismatches.push(mismatch);
    compared[question.operation] = (compared[question.operation] ?? 0) + 1;
    progress.update(++done);
  }).finally(() => progress.stop());
  return { compared, mismatches };
}

async function put(ask: AskApi, actor: Actor, question: Question): Promise<Mismatch | undefined> {
  const { operation, about, asked, expected: policy } = question;
  const api = question.got(await ask(actor, asked));
  return api === policy ? undefined : { actor: actor.name, operation, about, policy, api };
}

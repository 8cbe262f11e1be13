import { randomUUID } from 'node:crypto';
import { isOnCase, may, OPERATIONS, type Operation, sees } from '../../core/policy.ts';
import { showsField } from '../../core/policy-mask.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import type { Asked, Reply } from './api-client.ts';
import type { Actor, DrillCase, DrillWorld } from './made-up-people.ts';

/** One request to the API, with what the policy says of it and what the reply says; equal, unless something is wrong. */
export interface Question {
  readonly operation: Operation;
  readonly about: string;
  readonly asked: Asked;
  readonly expected: string;
  got(reply: Reply): string;
}

type Command = Exclude<Operation, 'search-cases' | 'read-worklist' | 'read-report' | 'read-case' | 'read-timeline'>;

/** No version of anything: a command that is allowed is refused for this alone, so that nothing is changed by asking. */
const OUTDATED = '"0"';
const ANY = '*';
const PAGE = 100;

const statusOf = ({ status }: Reply): string => String(status);

/** How each command is asked for; those that are on no case name something that there is not. */
const COMMANDS: Readonly<Record<Command, (id: string) => Omit<Asked, 'ifMatch'> & { readonly done?: number }>> = {
  'open-case': () => ({
    method: 'POST',
    path: '/cases',
    body: { tenant: randomUUID(), title: 't', product: 'p', issue: 'i' },
    done: 409,
  }),
  'add-party': id => ({
    method: 'POST',
    path: `/cases/${id}/parties`,
    body: { role: 'witness', new: { kind: 'person', name: 'n' } },
  }),
  'add-evidence': id => ({
    method: 'POST',
    path: `/cases/${id}/evidence`,
    body: { sha256: 'a'.repeat(64), media_type: 'text/plain', size_bytes: 1, title: 't' },
  }),
  'assign-investigator': id => ({
    method: 'PUT',
    path: `/cases/${id}/investigator`,
    body: { investigator: randomUUID() },
  }),
  'add-task': id => ({ method: 'POST', path: `/cases/${id}/tasks`, body: { title: 't' } }),
  'finish-task': id => ({ method: 'PUT', path: `/cases/${id}/tasks/${randomUUID()}/done` }),
  'transition-case': id => ({ method: 'POST', path: `/cases/${id}/transitions`, body: { to: 'under-review' } }),
  'decide-case': id => ({ method: 'POST', path: `/cases/${id}/decisions`, body: { kind: 'finding', summary: 's' } }),
  'restrict-case': id => ({ method: 'PUT', path: `/cases/${id}/restriction` }),
  'lift-restriction': id => ({ method: 'DELETE', path: `/cases/${id}/restriction` }),
  'place-hold': id => ({ method: 'POST', path: `/cases/${id}/holds`, body: { reason: 'r' } }),
  'release-hold': id => ({ method: 'DELETE', path: `/cases/${id}/holds/${randomUUID()}` }),
  'delete-case': id => ({ method: 'DELETE', path: `/cases/${id}` }),
  'purge-case': id => ({ method: 'POST', path: `/cases/${id}/purge`, body: {} }),
  'grant-membership': () => ({
    method: 'POST',
    path: '/memberships',
    body: { user: randomUUID(), tenant: randomUUID(), role: 'analyst' },
    done: 409,
  }),
  'revoke-membership': () => ({ method: 'DELETE', path: `/memberships/${randomUUID()}`, done: 404 }),
};

const isCommand = (operation: Operation): operation is Command => Object.hasOwn(COMMANDS, operation);

/** Everything that there is to ask, by one actor. */
export function* questionsOf(actor: Actor, world: DrillWorld, search: ProjectedContract): Iterable<Question> {
  const cases = casesFor(actor, world);
  for (const operation of OPERATIONS) {
    if (!isCommand(operation)) continue;
    if (isOnCase(operation)) for (const kase of cases) yield command(operation, actor, kase);
    else yield freeCommand(operation, actor);
  }
  for (const kase of cases) {
    yield readCase(actor, kase, world, search);
    yield readTimeline(actor, kase);
  }
  yield searchByFilter(actor, world);
  yield searchByText(actor, world, search);
  yield worklist(actor, actor, world);
  yield worklist(actor, world.investigator, world);
  yield report(actor, world);
}

/** Who is nobody is so for every case: one of each company will do. */
const casesFor = ({ standing }: Actor, { cases }: DrillWorld): readonly DrillCase[] =>
  standing ? cases : [...new Map(cases.map(kase => [kase.tenant, kase])).values()];

/** What is refused is asked for in earnest: should it not be refused, it is done. */
function command(operation: Command, { standing }: Actor, kase: DrillCase): Question {
  const allowed = standing !== undefined && may(standing, operation, kase);
  const refusal = standing === undefined || sees(standing, kase) ? 403 : 404;
  return {
    operation,
    about: kase.name,
    asked: { ...COMMANDS[operation](kase.id), ifMatch: allowed ? OUTDATED : ANY },
    expected: String(allowed ? 412 : refusal),
    got: statusOf,
  };
}

function freeCommand(operation: Command, { standing }: Actor): Question {
  const { done, ...asked } = COMMANDS[operation]('');
  const allowed = standing !== undefined && may(standing, operation);
  return { operation, about: 'no case', asked, expected: String(allowed ? done : 403), got: statusOf };
}

function readCase(
  { standing }: Actor,
  kase: DrillCase,
  { narrative }: DrillWorld,
  search: ProjectedContract,
): Question {
  const shows = standing !== undefined && showsField(search.fields.narrative!, standing.role);
  return {
    ...seen('read-case', standing, kase),
    asked: { method: 'GET', path: `/cases/${kase.id}` },
    expected: seen('read-case', standing, kase).expected + (isSeen(standing, kase) && shows ? ' with narrative' : ''),
    got: reply => statusOf(reply) + (reply.text.includes(narrative) ? ' with narrative' : ''),
  };
}

const readTimeline = ({ standing }: Actor, kase: DrillCase): Question => ({
  ...seen('read-timeline', standing, kase),
  asked: { method: 'GET', path: `/cases/${kase.id}/timeline` },
  got: statusOf,
});

const isSeen = (standing: Actor['standing'], kase: DrillCase): boolean =>
  standing !== undefined && sees(standing, kase);

function seen(operation: Operation, standing: Actor['standing'], kase: DrillCase) {
  const refusal = standing === undefined ? 403 : 404;
  return { operation, about: kase.name, expected: String(isSeen(standing, kase) ? 200 : refusal) };
}

/** The names of the cases that were listed, so that a report can be read. */
function listed({ cases }: DrillWorld, reply: Reply, ids: (body: Reply['body']) => readonly string[]): string {
  if (reply.status !== 200) return statusOf(reply);
  const names = ids(reply.body).map(id => cases.find(kase => kase.id === id)?.name ?? `unknown ${id}`);
  return `200 ${JSON.stringify(names.sort())}`;
}
const listing = (cases: readonly DrillCase[]): string => `200 ${JSON.stringify(cases.map(({ name }) => name).sort())}`;

function searchFor(
  actor: Actor,
  world: DrillWorld,
  about: string,
  body: object,
  found: readonly DrillCase[],
): Question {
  const { standing } = actor;
  return {
    operation: 'search-cases',
    about,
    asked: { method: 'POST', path: '/search', body: { ...body, size: PAGE } },
    expected: standing ? listing(found.filter(kase => sees(standing, kase))) : '403',
    got: reply => listed(world, reply, ({ hits }) => hits.map(({ id }: { id: string }) => id)),
  };
}

const searchByFilter = (actor: Actor, world: DrillWorld): Question =>
  searchFor(actor, world, 'by filter', { filter: { field: 'product', is: world.product } }, world.cases);

/** By a word of a field that not everybody sees: who does not see it finds nothing by it. */
function searchByText(actor: Actor, world: DrillWorld, search: ProjectedContract): Question {
  const shows = actor.standing && showsField(search.fields.narrative!, actor.standing.role);
  return searchFor(actor, world, 'by narrative', { text: `"${world.narrative}"` }, shows ? world.cases : []);
}

function worklist({ standing, user }: Actor, of: Actor, world: DrillWorld): Question {
  const isOwn = user === of.user;
  const allowed = standing && may(standing, 'read-worklist') && (isOwn || standing.role === 'supervisor');
  const cases = world.cases.filter(({ investigator }) => investigator === of.user);
  return {
    operation: 'read-worklist',
    about: isOwn ? 'one’s own' : 'an investigator’s',
    asked: { method: 'GET', path: `/worklist?size=${PAGE}${isOwn ? '' : `&investigator=${of.user}`}` },
    expected: allowed ? listing(cases.filter(kase => sees(standing, kase))) : '403',
    got: reply => listed(world, reply, body => body.cases.map(({ id }: { id: string }) => id)),
  };
}

/** Reports do not know who works on a case: they count as if nobody did. */
function report({ standing }: Actor, { cases, product }: DrillWorld): Question {
  const counted = cases.filter(kase => standing && sees(standing, { ...kase, assigned: [] })).length;
  return {
    operation: 'read-report',
    about: 'by product',
    asked: { method: 'GET', path: '/reports/cases?by=product' },
    expected: standing && may(standing, 'read-report') ? `200 ${counted}` : '403',
    got(reply) {
      if (reply.status !== 200) return statusOf(reply);
      const groups: readonly { value: string; count: number }[] = reply.body.groups;
      return `200 ${groups.find(({ value }) => value === product)?.count ?? 0}`;
    },
  };
}

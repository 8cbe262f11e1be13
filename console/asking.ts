import type { PersonRole, Problem, Question, SearchAnswer, Session } from './wire.ts';

/** What the operations function, or whoever serves the console, refused. */
export class Refused extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}

const UNREACHABLE: Problem = {
  code: 'not-running',
  message: 'the console cannot reach its server',
  hint: 'is it still running? It is tried again once it is',
};

/** Throws `Refused`. */
async function call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(path, {
    method,
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Refused(UNREACHABLE);
  });
  const answer = await response.json().catch(() => ({ error: UNREACHABLE }));
  if (response.ok) return answer;
  throw new Refused(answer.error);
}

/** Asks the operations function; what changes something takes a reason. */
export const ask = async <Answer>(operation: string, fields: object): Promise<Answer> =>
  (await call<{ answer: Answer }>('POST', '/api/operations', { operation, ...fields })).answer;

/** Asks the API's search as somebody of the role would, or as who is signed in. */
export const search = (as: PersonRole | undefined, question: Question): Promise<SearchAnswer> =>
  call('POST', '/api/search', { as, question });

export const read = <Answer>(path: string): Promise<Answer> => call('GET', path);

export const readSession = (): Promise<Session> => read('/api/session');
export const signIn = (role: string): Promise<unknown> => call('POST', '/api/session', { role });
/** Where the browser has to go, to be signed out there too. */
export const signOut = async (): Promise<string | null> =>
  (await call<{ goTo: string | null }>('DELETE', '/api/session')).goTo;

export const problemOf = (error: unknown): Problem =>
  error instanceof Refused
    ? error.problem
    : { code: 'unexpected', message: String(error), hint: 'load the page again' };

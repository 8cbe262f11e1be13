import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { json, refuse } from '../functions/operate-http/answers.ts';
import { bodyOf, type Entrance } from '../functions/operate-http/door.ts';
import { CONSOLE_ROLES, type Person } from '../functions/operate-http/permitted.ts';

/** Of one browser each; who comes back later signs in anew. */
const MAX_SESSIONS = 100;
const SESSION_SECONDS = 12 * 3600;

const signInSchema = z.strictObject({ role: z.enum(CONSOLE_ROLES) });

/**
 * Whoever reaches this machine's loopback interface may choose a role: local mode guards nothing, and shows what a role
 * may do. `name` tells the cookies of two local modes apart, which ports do not.
 */
export function chosenRole(name: string): Entrance {
  const people = new Map<string, Person & { readonly until: number }>();
  const tokenOf = (request: Request): string =>
    new RegExp(`(?:^|; )${name}=([\\w-]+)`).exec(request.headers.get('cookie') ?? '')?.[1] ?? '';
  const cookie = (token: string, maxAge: number): string =>
    `${name}=${token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAge}`;
  async function enter(request: Request): Promise<Response> {
    const asked = signInSchema.safeParse(await bodyOf(request));
    if (!asked.success) return refuse(400, 'request-invalid', 'there is no such role');
    const { role } = asked.data;
    const token = randomBytes(24).toString('base64url');
    people.set(token, { name: `local ${role}`, role, until: Date.now() + SESSION_SECONDS * 1000 });
    const [oldest] = people.keys();
    if (people.size > MAX_SESSIONS && oldest !== undefined) people.delete(oldest);
    return json({}, 200, { 'set-cookie': cookie(token, SESSION_SECONDS) });
  }
  return {
    by: 'choice',
    async personOf(request) {
      const person = people.get(tokenOf(request));
      if (!person || person.until < Date.now()) return undefined;
      return { name: person.name, role: person.role };
    },
    routes: { 'POST /api/session': enter },
    async leave(request) {
      people.delete(tokenOf(request));
      return { cookie: cookie('', 0) };
    },
  };
}

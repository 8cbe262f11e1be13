import { randomBytes } from 'node:crypto';
import type { Entrance } from '../../functions/operate-http/door.ts';
import { CONSOLE_ROLES, type Person } from '../../functions/operate-http/permitted.ts';

/** Of one browser each; who comes back later signs in anew. */
const MAX_SESSIONS = 100;
const SESSION_SECONDS = 12 * 3600;

export interface Sessions extends Entrance {
  personOf(request: Request): Person | undefined;
}

/**
 * Whoever reaches this machine's loopback interface may choose a role: local mode guards nothing, and shows what a role
 * may do. `name` tells the cookies of two local modes apart, which ports do not.
 */
export function localSessions(name: string): Sessions {
  const people = new Map<string, Person & { readonly until: number }>();
  const tokenOf = (request: Request): string =>
    new RegExp(`(?:^|; )${name}=([\\w-]+)`).exec(request.headers.get('cookie') ?? '')?.[1] ?? '';
  const cookie = (token: string, maxAge: number): string =>
    `${name}=${token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAge}`;
  return {
    personOf(request) {
      const person = people.get(tokenOf(request));
      if (!person || person.until < Date.now()) return undefined;
      return { name: person.name, role: person.role };
    },
    enter(asked) {
      const role = CONSOLE_ROLES.find(known => known === asked);
      if (!role) return undefined;
      const token = randomBytes(24).toString('base64url');
      people.set(token, { name: `local ${role}`, role, until: Date.now() + SESSION_SECONDS * 1000 });
      const [oldest] = people.keys();
      if (people.size > MAX_SESSIONS && oldest !== undefined) people.delete(oldest);
      return cookie(token, SESSION_SECONDS);
    },
    leave(request) {
      people.delete(tokenOf(request));
      return cookie('', 0);
    },
  };
}

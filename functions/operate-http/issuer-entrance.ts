import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Logger } from '@aws-lambda-powertools/logger';
import { respond } from './answers.ts';
import type { Entrance } from './door.ts';
import { type IssuerClient, SignInRefused, type Ties } from './issuer-client.ts';
import type { Session, SessionTable } from './session-table.ts';

export interface IssuerEntranceOptions {
  readonly issuer: IssuerClient;
  readonly sessions: SessionTable;
  /** The console's own address. */
  readonly url: string;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

export interface IssuerEntrance extends Entrance {
  /** A token for the API, of who sends the request; undefined when the issuer wants to be asked anew. */
  accessOf(request: Request): Promise<string | undefined>;
}

export const SIGN_IN_PATH = '/sign-in';
export const SIGNED_IN_PATH = '/signed-in';

/** `__Host-`: of this very host, over TLS, and nobody else's to set. No script reads either. */
const SESSION_COOKIE = '__Host-distributary';
const TIES_COOKIE = '__Host-distributary-signing-in';
/** To type a password and a second factor. */
const SIGNING_IN_SECONDS = 600;
/** However long an issuer stands by its token: then it is asked again who that is, and in which groups. */
const MAX_SESSION_MS = 8 * 3600_000;
const TIE_BYTES = 32;
/** A request takes some of what a token has left. */
const RENEWED_BEFORE_MS = 60_000;

/**
 * In by the issuer: the browser is sent there with a state, a nonce and a challenge, comes back with a code, and has a
 * session when all of them fit together. Whatever does not is a refusal that the page words, and nothing is said of why.
 */
export function issuerEntrance({ issuer, sessions, url, logger }: IssuerEntranceOptions): IssuerEntrance {
  async function begin(): Promise<Response> {
    const ties = { state: tie(), nonce: tie(), verifier: tie() };
    const challenge = createHash('sha256').update(ties.verifier).digest('base64url');
    try {
      const to = await issuer.authorizeUrl(ties, challenge);
      const kept = [ties.state, ties.nonce, ties.verifier].join('.');
      // Lax: the way back begins at another site.
      return goTo(to, [cookie(TIES_COOKIE, kept, SIGNING_IN_SECONDS, 'Lax')]);
    } catch (error) {
      return refused(error);
    }
  }

  async function finish(request: Request): Promise<Response> {
    try {
      const { searchParams } = new URL(request.url);
      const ties = tiesOf(request);
      if (!ties || !isEqual(searchParams.get('state') ?? '', ties.state)) {
        throw new SignInRefused('state', 'the way back is of no sign-in of this browser');
      }
      const code = searchParams.get('code');
      if (code === null) throw new SignInRefused('issuer', 'the issuer sent the browser back without a code');
      const { person, name, until, ...access } = await issuer.redeem(code, ties);
      if (!person) throw new SignInRefused('role', `${name} is in no group of the console`);
      const end = Math.min(until, Date.now() + MAX_SESSION_MS);
      const token = await sessions.open({ ...person, subject: person.subject!, ...access, until: end });
      logger.info('signed in', { name, role: person.role });
      const seconds = Math.max(1, Math.floor((end - Date.now()) / 1000));
      return goTo('/', [cookie(SESSION_COOKIE, token, seconds), cookie(TIES_COOKIE, '', 0, 'Lax')]);
    } catch (error) {
      return refused(error);
    }
  }

  function refused(error: unknown): Response {
    if (!(error instanceof SignInRefused)) throw error;
    logger.warn('sign-in refused', { refusal: error.refusal, reason: error.message });
    return goTo(`/?refused=${error.refusal}`, [cookie(TIES_COOKIE, '', 0, 'Lax')]);
  }

  /** Sessions last longer than access tokens: another one is fetched when it is wanted, and not before. */
  async function accessOf(request: Request): Promise<string | undefined> {
    const token = cookieOf(request, SESSION_COOKIE);
    const session = token === undefined ? undefined : await sessions.read(token);
    if (token === undefined || !session) return undefined;
    const { accessToken, accessUntil, refreshToken } = session;
    if (accessUntil > Date.now() + RENEWED_BEFORE_MS) return accessToken;
    const renewed = refreshToken === undefined ? undefined : await issuer.renew(refreshToken).catch(() => undefined);
    if (!renewed) return accessUntil > Date.now() ? accessToken : undefined;
    await sessions.change(token, { ...session, ...renewed });
    return renewed.accessToken;
  }

  const sessionOf = async (request: Request): Promise<Session | undefined> => {
    const token = cookieOf(request, SESSION_COOKIE);
    return token === undefined ? undefined : sessions.read(token);
  };

  return {
    by: 'issuer',
    accessOf,
    async personOf(request) {
      const session = await sessionOf(request);
      return session && { name: session.name, role: session.role, subject: session.subject };
    },
    routes: { [`GET ${SIGN_IN_PATH}`]: begin, [`GET ${SIGNED_IN_PATH}`]: finish },
    async leave(request) {
      const token = cookieOf(request, SESSION_COOKIE);
      const session = await sessionOf(request);
      if (token !== undefined) await sessions.close(token);
      // Signed out here, whatever the issuer says.
      if (session?.refreshToken !== undefined) await issuer.revoke(session.refreshToken).catch(() => {});
      const elsewhere = await issuer.signOutUrl(`${url}/`).catch(() => undefined);
      return { cookie: cookie(SESSION_COOKIE, '', 0), goTo: elsewhere };
    },
  };
}

const tie = (): string => randomBytes(TIE_BYTES).toString('base64url');

function tiesOf(request: Request): Ties | undefined {
  const [state, nonce, verifier] = cookieOf(request, TIES_COOKIE)?.split('.') ?? [];
  return state && nonce && verifier ? { state, nonce, verifier } : undefined;
}

function cookieOf(request: Request, name: string): string | undefined {
  const pairs = (request.headers.get('cookie') ?? '').split(/; */);
  const value = pairs.find(pair => pair.startsWith(`${name}=`))?.slice(name.length + 1);
  return value !== undefined && /^[\w.-]{1,256}$/.test(value) ? value : undefined;
}

const cookie = (name: string, value: string, seconds: number, sameSite: 'Strict' | 'Lax' = 'Strict'): string =>
  `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=${sameSite}; Max-Age=${seconds}`;

function isEqual(one: string, other: string): boolean {
  const [given, kept] = [Buffer.from(one), Buffer.from(other)];
  return given.length === kept.length && timingSafeEqual(given, kept);
}

function goTo(location: string, cookies: readonly string[]): Response {
  const response = respond(null, 'text/plain', { status: 303, headers: { location } });
  for (const one of cookies) response.headers.append('set-cookie', one);
  return response;
}

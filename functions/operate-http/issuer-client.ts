import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from 'jose';
import * as z from 'zod';
import { CONSOLE_ROLES, type ConsoleRole, type Person } from './permitted.ts';

export interface IssuerOptions {
  readonly issuer: string;
  /** As whose client people sign in; a public one, whose secret is PKCE's. */
  readonly client: string;
  /** Where the issuer sends them back to. */
  readonly redirectUri: string;
  /** The claim that lists somebody's groups, and what the names of ours begin with: `distributary-operator`. */
  readonly groups: { readonly claim: string; readonly prefix: string };
  /** The issuer's public keys, as they are known here. */
  keys(): Promise<JSONWebKeySet>;
}

/** What ties the way back to the browser that began, and to what it began. */
export interface Ties {
  readonly state: string;
  readonly nonce: string;
  /** PKCE's: who has the code alone cannot redeem it. */
  readonly verifier: string;
}

/** For the API, as the issuer gave it; the console does not read it. */
export interface Access {
  readonly accessToken: string;
  /** Milliseconds since 1970; a session may last longer. */
  readonly accessUntil: number;
  /** For another one, once. Undefined where the issuer gives none. */
  readonly refreshToken: string | undefined;
}

export interface SignedIn extends Access {
  /** Undefined for somebody whom the console is none of. */
  readonly person: Person | undefined;
  readonly name: string;
  /** Milliseconds since 1970: as long as the issuer stands by what it said. */
  readonly until: number;
}

/** The issuer, as an OIDC client with the authorization code and PKCE knows it. */
export interface IssuerClient {
  /** Where a browser goes to sign in. `challenge` is made of the verifier. */
  authorizeUrl(ties: Pick<Ties, 'state' | 'nonce'>, challenge: string): Promise<string>;
  /** Throws `SignInRefused`. */
  redeem(code: string, ties: Ties): Promise<SignedIn>;
  /** Another access token. Throws `SignInRefused`. */
  renew(refreshToken: string): Promise<Access>;
  /** Has no other access token given. */
  revoke(refreshToken: string): Promise<void>;
  /** Where a browser goes to sign out there too, when there is such a place. */
  signOutUrl(backTo: string): Promise<string | undefined>;
}

export type Refusal = 'state' | 'issuer' | 'token' | 'role';

export class SignInRefused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal, message: string, options?: ErrorOptions) {
    super(message, options);
    this.refusal = refusal;
  }
}

/** Signatures with a private key only: one made with a public key as the secret is refused. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const CLOCK_TOLERANCE_SECONDS = 5;
const MAX_NAME_CHARACTERS = 80;
/** Lambda answers within 30 s, and a sign-in asks twice. */
const TIMEOUT_MS = 8000;
const DISCOVERED_FOR_MS = 3600_000;

const discoverySchema = z.object({
  issuer: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  end_session_endpoint: z.url().optional(),
  revocation_endpoint: z.url().optional(),
});
type Discovery = z.infer<typeof discoverySchema>;
const token = z.string().max(16_384);
const accessSchema = z
  .object({ access_token: token, expires_in: z.number().min(0), refresh_token: token.optional() })
  .transform(
    ({ access_token, expires_in, refresh_token }): Access => ({
      accessToken: access_token,
      accessUntil: Date.now() + expires_in * 1000,
      refreshToken: refresh_token,
    }),
  );
const tokensSchema = z.object({ id_token: token });

export function issuerClient(options: IssuerOptions): IssuerClient {
  const { issuer, client, redirectUri } = options;
  let known: { readonly at: number; readonly discovery: Promise<Discovery> } | undefined;
  function discovered(): Promise<Discovery> {
    if (!known || Date.now() - known.at > DISCOVERED_FOR_MS) {
      known = { at: Date.now(), discovery: discover(issuer) };
      known.discovery.catch(() => {
        known = undefined;
      });
    }
    return known.discovery;
  }
  async function grantOf(grant: Readonly<Record<string, string>>): Promise<unknown> {
    const body = new URLSearchParams({ ...grant, client_id: client });
    return ask((await discovered()).token_endpoint, { method: 'POST', body });
  }
  return {
    async authorizeUrl({ state, nonce }, challenge) {
      const asked = {
        ...{ response_type: 'code', client_id: client, redirect_uri: redirectUri, scope: 'openid profile' },
        ...{ state, nonce, code_challenge: challenge, code_challenge_method: 'S256' },
      };
      return withParameters((await discovered()).authorization_endpoint, asked);
    },
    async redeem(code, { nonce, verifier }) {
      const grant = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri };
      const given = await grantOf(grant);
      const [tokens, access] = [tokensSchema.safeParse(given), accessSchema.safeParse(given)];
      if (tokens.success && access.success) {
        return { ...(await signedIn(tokens.data.id_token, nonce, options)), ...access.data };
      }
      throw new SignInRefused('issuer', 'the issuer gave no ID and access token for the code');
    },
    async renew(refreshToken) {
      const access = accessSchema.safeParse(
        await grantOf({ grant_type: 'refresh_token', refresh_token: refreshToken }),
      );
      if (!access.success) throw new SignInRefused('issuer', 'the issuer gave no other access token');
      // Who gives no other refresh token means that this one goes on.
      return { ...access.data, refreshToken: access.data.refreshToken ?? refreshToken };
    },
    async revoke(refreshToken) {
      const { revocation_endpoint } = await discovered();
      if (revocation_endpoint === undefined) return;
      const body = new URLSearchParams({ token: refreshToken, client_id: client });
      await ask(revocation_endpoint, { method: 'POST', body });
    },
    async signOutUrl(backTo) {
      const { end_session_endpoint } = await discovered();
      // The second is what Cognito calls it.
      const asked = { client_id: client, post_logout_redirect_uri: backTo, logout_uri: backTo };
      return end_session_endpoint && withParameters(end_session_endpoint, asked);
    },
  };
}

/** Who that is, if the issuer says so, to us, about this sign-in, and now. Throws `SignInRefused`. */
export async function signedIn(
  idToken: string,
  nonce: string,
  { issuer, client, groups, keys }: Pick<IssuerOptions, 'issuer' | 'client' | 'groups' | 'keys'>,
): Promise<Omit<SignedIn, keyof Access>> {
  const find = createLocalJWKSet(await keys());
  const { payload } = await jwtVerify(idToken, find, {
    ...{ issuer, audience: client, algorithms: ALGORITHMS, clockTolerance: CLOCK_TOLERANCE_SECONDS },
    requiredClaims: ['sub', 'exp', 'iat'],
  }).catch(cause => {
    if (cause instanceof errors.JOSEError) throw refused(`the ID token is not accepted: ${cause.code}`, cause);
    throw cause;
  });
  if (payload.nonce !== nonce) throw refused('the ID token is of another sign-in');
  const audiences = [payload.aud].flat();
  if (audiences.length > 1 && payload.azp !== client) throw refused('the ID token was given to another client');
  // Cognito says what a token is for, so that an access token is not taken for it.
  if (payload.token_use !== undefined && payload.token_use !== 'id') throw refused('that is no ID token');
  const role = roleOf(payload[groups.claim], groups.prefix);
  const [subject, name] = [payload.sub!, nameOf(payload)];
  return { person: role && { name, role, subject }, name: `${name} (${subject})`, until: payload.exp! * 1000 };
}

const refused = (message: string, cause?: unknown) => new SignInRefused('token', message, { cause });

/** The one that may most. */
function roleOf(claim: unknown, prefix: string): ConsoleRole | undefined {
  const groups = [claim].flat();
  return CONSOLE_ROLES.findLast(role => groups.includes(`${prefix}-${role}`));
}

/** For people's eyes; whoever has to know goes by the subject. */
function nameOf(claims: Readonly<Record<string, unknown>>): string {
  const named = [claims.name, claims.preferred_username, claims['cognito:username'], claims.sub];
  const found = named.find(value => typeof value === 'string' && value.trim() !== '') as string;
  return found.trim().slice(0, MAX_NAME_CHARACTERS);
}

async function discover(issuer: string): Promise<Discovery> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const found = discoverySchema.safeParse(await ask(url));
  if (found.success && found.data.issuer === issuer) return found.data;
  throw new SignInRefused('issuer', 'the issuer describes itself as another one, or without a place to sign in');
}

async function ask(url: string, init: RequestInit = {}): Promise<unknown> {
  try {
    const answer = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    // A revocation has nothing to say.
    if (answer.ok) return JSON.parse((await answer.text()) || 'null');
    throw new Error(`status ${answer.status}`);
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new SignInRefused('issuer', `the issuer did not answer ${new URL(url).pathname}: ${what}`, { cause });
  }
}

function withParameters(url: string, parameters: Readonly<Record<string, string>>): string {
  const whole = new URL(url);
  for (const [name, value] of Object.entries(parameters)) whole.searchParams.set(name, value);
  return whole.href;
}

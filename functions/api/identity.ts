import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { Problem } from './problem.ts';

export interface IdentityOptions {
  readonly issuer: string;
  /** In `aud`, or in `client_id` where an issuer, such as Cognito, writes that into its access tokens. */
  readonly audience: string;
  /** The issuer's public keys, as they are known here. */
  keys(): Promise<JSONWebKeySet>;
  /** Milliseconds since 1970. @default the clock */
  readonly now?: () => number;
}

/** Signatures with a private key only: one made with a public key as the secret is refused. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const CLOCK_TOLERANCE_SECONDS = 5;
const KEYS_MS = 300_000;
/** An unknown key asks for the keys again, but not each time somebody makes one up. */
const UNKNOWN_KEY_MS = 10_000;
const MAX_TOKEN_CHARACTERS = 8192;
const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** Says who sends a request, by its access token. What the person may do, the token does not decide. */
export class Identity {
  readonly #options: IdentityOptions;
  #keys: { readonly readAt: number; readonly find: JWTVerifyGetKey } | undefined;

  constructor(options: IdentityOptions) {
    this.#options = options;
  }

  /** The user's id. Throws `token-invalid` with what is wrong with it. */
  async userOf(authorization: string | undefined): Promise<string> {
    const token = /^Bearer ([\w.~+/=-]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined || token.length > MAX_TOKEN_CHARACTERS) throw invalid('send it as Authorization: Bearer');
    try {
      return await this.#verify(token, KEYS_MS);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw asProblem(error);
    }
    return this.#verify(token, UNKNOWN_KEY_MS).catch(error => {
      throw asProblem(error);
    });
  }

  async #verify(token: string, maxAgeMs: number): Promise<string> {
    const { issuer, audience, now = Date.now } = this.#options;
    const { payload } = await jwtVerify(token, await this.#find(maxAgeMs), {
      issuer,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      requiredClaims: ['sub', 'exp'],
      currentDate: new Date(now()),
    });
    const audiences = [payload.aud, payload.client_id].flat();
    if (!audiences.includes(audience)) throw invalid('it is for somebody else');
    const user = payload.sub!.toLowerCase();
    if (!UUID.test(user)) throw invalid('its subject is no user of ours');
    return user;
  }

  async #find(maxAgeMs: number): Promise<JWTVerifyGetKey> {
    const { keys, now = Date.now } = this.#options;
    if (!this.#keys || now() - this.#keys.readAt >= maxAgeMs) {
      this.#keys = { readAt: now(), find: createLocalJWKSet(await keys()) };
    }
    return this.#keys.find;
  }
}

const invalid = (what: string): Problem => new Problem('token-invalid', `the access token is not accepted: ${what}`);

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof errors.JWTExpired) return invalid('it has expired');
  if (error instanceof errors.JOSEError) return invalid('it is not one of the issuer for this API');
  return new Problem('unavailable', 'the keys of the issuer are not at hand', { retryAfter: 5, cause: error });
}

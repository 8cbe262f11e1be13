import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { z } from 'zod';
import type { DataFolder } from './data-folder.ts';
import { type Listening, listen } from './http-listen.ts';
import { browserSignIn, LOCAL_AUDIENCE, reply } from './issuer-sign-in.ts';

export { LOCAL_AUDIENCE } from './issuer-sign-in.ts';

export const ISSUER_FILE = 'issuer.json';
const ALGORITHM = 'ES256';
const DEFAULT_LIFE = '1h';

const keyFileSchema = z.object({ key: z.looseObject({ kty: z.string(), kid: z.string() }) });

/**
 * An OIDC issuer for this machine: it says its keys, and signs in browsers that choose who they are. Access tokens for
 * anybody `signToken` makes, with the key from the folder.
 */
export async function startIssuer(port: number, data: DataFolder): Promise<Listening> {
  const key = await keyOf(data);
  const { d: _, ...publicKey } = key;
  const signIn = browserSignIn((url, claims, life) => sign(key, url, claims, life));
  const server = createServer((request, response) => {
    const url = `http://${request.headers.host}`;
    answer(request, response, url).catch(() => reply(response, 500, { error: 'server_error' }));
  });

  async function answer(request: IncomingMessage, response: ServerResponse, url: string): Promise<void> {
    const asked = new URL(request.url ?? '/', url);
    const does = `${request.method} ${asked.pathname}`;
    if (does === 'GET /.well-known/openid-configuration') return reply(response, 200, describe(url));
    if (does === 'GET /jwks.json') return reply(response, 200, { keys: [publicKey] });
    if (does === 'GET /authorize') return signIn.authorize(asked, response);
    if (does === 'POST /token') return signIn.redeem(request, response, url);
    if (does === 'POST /revoke') return signIn.revoke(request, response);
    if (does === 'GET /logout') return signIn.leave(asked, response);
    return reply(response, 404, { message: 'nothing here' });
  }
  return listen(server, port);
}

const describe = (url: string): object => ({
  issuer: url,
  jwks_uri: `${url}/jwks.json`,
  authorization_endpoint: `${url}/authorize`,
  token_endpoint: `${url}/token`,
  revocation_endpoint: `${url}/revoke`,
  end_session_endpoint: `${url}/logout`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: [ALGORITHM],
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: ['none'],
});

/** Kept, so that tokens outlive a restart. */
async function keyOf(data: DataFolder): Promise<JWK> {
  const known = data.read(ISSUER_FILE, keyFileSchema);
  if (known) return known.key as JWK;
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const key = { ...(await exportJWK(privateKey)), alg: ALGORITHM, kid: 'local-1' };
  data.write(ISSUER_FILE, { key });
  return key;
}

/** An access token for a user, as the issuer at `url` would give it. `keyFile` is the text of the issuer's file. */
export async function signToken(keyFile: string, url: string, user: string, life = DEFAULT_LIFE): Promise<string> {
  const { key } = keyFileSchema.parse(JSON.parse(keyFile));
  return sign(key as JWK, url, { token_use: 'access', sub: user }, life);
}

const sign = async (key: JWK, url: string, claims: Readonly<Record<string, unknown>>, life: string): Promise<string> =>
  new SignJWT({ ...claims })
    .setProtectedHeader({ alg: ALGORITHM, kid: key.kid! })
    .setIssuer(url)
    .setAudience(LOCAL_AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(life)
    .sign(await importJWK(key, ALGORITHM));

import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { z } from 'zod';
import type { DataFolder } from './data-folder.ts';
import { type Listening, listen } from './http-listen.ts';

/** Whom the tokens of this machine are for: what a Cognito client is on AWS. */
export const LOCAL_AUDIENCE = 'distributary-local';
export const ISSUER_FILE = 'issuer.json';
const ALGORITHM = 'ES256';
const DEFAULT_LIFE = '1h';

const keyFileSchema = z.object({ key: z.looseObject({ kty: z.string(), kid: z.string() }) });

/** An OIDC issuer for this machine: it says its keys, and signs nothing by itself. `signToken` has the key from the folder. */
export async function startIssuer(port: number, data: DataFolder): Promise<Listening> {
  const key = await keyOf(data);
  const { d: _, ...publicKey } = key;
  const server = createServer((request, response) => {
    const url = `http://${request.headers.host}`;
    const documents: Record<string, object> = {
      '/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/jwks.json` },
      '/jwks.json': { keys: [publicKey] },
    };
    const found = documents[request.url ?? ''];
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found ?? { message: 'nothing here' }));
  });
  return listen(server, port);
}

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
  return new SignJWT({ token_use: 'access' })
    .setProtectedHeader({ alg: ALGORITHM, kid: key.kid })
    .setSubject(user)
    .setIssuer(url)
    .setAudience(LOCAL_AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(life)
    .sign(await importJWK(key as JWK, ALGORITHM));
}

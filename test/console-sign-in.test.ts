import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { type SignInRefused, signedIn } from '../functions/operate-http/issuer-client.ts';

const ISSUER = 'https://issuer.example/pool';
const CLIENT = 'console';
const NONCE = 'of-this-sign-in';
const GROUPS = { claim: 'groups', prefix: 'distributary' };
const ALGORITHM = 'ES256';

const [ours, forged] = await Promise.all([generateKeyPair(ALGORITHM), generateKeyPair(ALGORITHM)]);
const publicKey = { ...(await exportJWK(ours.publicKey)), kid: 'one', alg: ALGORITHM };

interface Signing {
  readonly claims?: JWTPayload;
  readonly issuer?: string;
  readonly audience?: string | string[];
  readonly expires?: number;
  readonly key?: Parameters<SignJWT['sign']>[0];
  readonly algorithm?: string;
}

const now = (): number => Math.floor(Date.now() / 1000);

const tokenOf = ({
  claims,
  issuer = ISSUER,
  audience = CLIENT,
  expires = now() + 60,
  ...by
}: Signing): Promise<string> =>
  new SignJWT({ sub: 'a1', nonce: NONCE, groups: ['distributary-viewer'], ...claims })
    .setProtectedHeader({ alg: by.algorithm ?? ALGORITHM, kid: 'one' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(by.key ?? ours.privateKey);

const read = (token: string) =>
  signedIn(token, NONCE, { issuer: ISSUER, client: CLIENT, groups: GROUPS, keys: async () => ({ keys: [publicKey] }) });

const refusalOf = (token: string): Promise<string> =>
  read(token).then(
    () => 'accepted',
    (error: SignInRefused) => error.refusal,
  );

test('the issuer says who somebody is, and by groups what that person may do', async () => {
  const roleOf = async (claims: JWTPayload) => (await read(await tokenOf({ claims }))).person?.role;
  expect(await roleOf({})).toBe('viewer');
  expect(await roleOf({ groups: ['distributary-viewer', 'distributary-operator'] })).toBe('operator');
  expect(await roleOf({ groups: 'distributary-operator' })).toBe('operator');
  expect(await roleOf({ groups: ['operator', 'other-operator'] })).toBeUndefined();
  expect(await roleOf({ groups: undefined, role: 'distributary-operator' })).toBeUndefined();
  const { person, until } = await read(await tokenOf({ claims: { name: 'Ada' } }));
  expect(person).toEqual({ name: 'Ada', role: 'viewer', subject: 'a1' });
  expect(until).toBeGreaterThan(Date.now());
});

test.each<[string, Signing]>([
  ['that was signed by somebody else', { key: forged.privateKey }],
  ['whose secret is a public key', { key: new TextEncoder().encode(JSON.stringify(publicKey)), algorithm: 'HS256' }],
  ['that has expired', { expires: now() - 60 }],
  ['of another issuer', { issuer: 'https://other.example' }],
  ['for another client', { audience: 'api' }],
  ['that was given to another client', { audience: ['api', CLIENT], claims: { azp: 'api' } }],
  ['of another sign-in', { claims: { nonce: 'of-another' } }],
  ['without a nonce', { claims: { nonce: undefined } }],
  ['that is for access', { claims: { token_use: 'access' } }],
  ['without a subject', { claims: { sub: undefined } as unknown as JWTPayload }],
])('a token is refused %s', async (_, signing) => {
  expect(await refusalOf(await tokenOf(signing))).toBe('token');
});

test('a token without a signature is refused', async () => {
  const [, body] = (await tokenOf({})).split('.');
  const header = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
  expect(await refusalOf(`${header}.${body}.`)).toBe('token');
});

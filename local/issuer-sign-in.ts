import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';

/** Whom the tokens of this machine are for: what a Cognito client is on AWS. */
export const LOCAL_AUDIENCE = 'distributary-local';

type Sign = (url: string, claims: Readonly<Record<string, unknown>>, life: string) => Promise<string>;

/** Browsers of this machine come back to this machine, and nowhere else. */
const LOOPBACK = /^http:\/\/(127\.0\.0\.1|localhost):\d+\//;
const LIFE = '1h';
/** So short that who uses one has to have learned to fetch another. */
const ACCESS_SECONDS = 45;
const CODE_MS = 60_000;
const MAX_BODY_BYTES = 8192;

const asked = z.object({
  response_type: z.literal('code'),
  client_id: z.literal(LOCAL_AUDIENCE),
  redirect_uri: z.string().regex(LOOPBACK),
  state: z.string().max(200),
  nonce: z.string().max(200),
  code_challenge: z.string().length(43),
  code_challenge_method: z.literal('S256'),
  /** Whose subject; who is nobody's user may be shown the console all the same. */
  login_hint: z.uuid().optional(),
});
type Asked = z.infer<typeof asked>;

const redeemed = z.discriminatedUnion('grant_type', [
  z.object({
    grant_type: z.literal('authorization_code'),
    client_id: z.literal(LOCAL_AUDIENCE),
    code: z.string(),
    code_verifier: z.string(),
    redirect_uri: z.string(),
  }),
  z.object({ grant_type: z.literal('refresh_token'), client_id: z.literal(LOCAL_AUDIENCE), refresh_token: z.string() }),
]);
type Redeemed = z.infer<typeof redeemed>;

/** Whom a browser may say it is, and the groups that the issuer then says: as Cognito lists them. */
const PEOPLE: Readonly<Record<string, readonly string[]>> = {
  operator: ['distributary-operator'],
  viewer: ['distributary-viewer'],
  stranger: ['somebody-elses'],
};

/** The authorization code flow with PKCE, for a browser that chooses who it is where others ask for a password. */
export function browserSignIn(sign: Sign) {
  const codes = new Map<string, Asked & { readonly person: string; readonly until: number }>();
  /** Refresh token → whose; each works once. */
  const refreshes = new Map<string, string>();
  /** One subject to a person, as long as the issuer runs. */
  const subjects = new Map(Object.keys(PEOPLE).map(person => [person, randomUUID()]));

  function sendBack(given: Asked, person: string, response: ServerResponse): void {
    for (const [code, { until }] of codes) if (until < Date.now()) codes.delete(code);
    const code = randomBytes(24).toString('base64url');
    codes.set(code, { ...given, person, until: Date.now() + CODE_MS });
    const back = new URL(given.redirect_uri);
    back.searchParams.set('code', code);
    back.searchParams.set('state', given.state);
    response.writeHead(302, { location: back.href }).end();
  }

  async function tokensFor(given: Redeemed, url: string): Promise<object | undefined> {
    if (given.grant_type === 'refresh_token') {
      const sub = refreshes.get(given.refresh_token);
      refreshes.delete(given.refresh_token);
      return sub === undefined ? undefined : accessFor(sub, url);
    }
    const kept = codes.get(given.code);
    // Once, whatever comes of it.
    codes.delete(given.code);
    const challenge = createHash('sha256').update(given.code_verifier).digest('base64url');
    const fits = kept && challenge === kept.code_challenge && given.redirect_uri === kept.redirect_uri;
    if (!fits || kept.until < Date.now()) return undefined;
    const sub = kept.login_hint ?? subjects.get(kept.person)!;
    const [name, groups] = [`local ${kept.person}`, PEOPLE[kept.person]];
    const id = { sub, token_use: 'id', nonce: kept.nonce, name, 'cognito:groups': groups };
    return { ...(await accessFor(sub, url)), id_token: await sign(url, id, LIFE) };
  }

  async function accessFor(sub: string, url: string): Promise<object> {
    const refresh = randomBytes(24).toString('base64url');
    refreshes.set(refresh, sub);
    return {
      access_token: await sign(url, { sub, token_use: 'access' }, `${ACCESS_SECONDS}s`),
      refresh_token: refresh,
      token_type: 'Bearer',
      expires_in: ACCESS_SECONDS,
    };
  }

  return {
    authorize(url: URL, response: ServerResponse): void {
      const { as: person, ...rest } = Object.fromEntries(url.searchParams);
      const given = asked.safeParse(rest);
      if (!given.success) reply(response, 400, { error: 'invalid_request' });
      else if (person === undefined || !Object.hasOwn(PEOPLE, person)) offer(url, response);
      else sendBack(given.data, person, response);
    },

    async redeem(request: IncomingMessage, response: ServerResponse, url: string): Promise<void> {
      const given = redeemed.safeParse(Object.fromEntries(new URLSearchParams(await bodyOf(request))));
      const tokens = given.success ? await tokensFor(given.data, url) : undefined;
      reply(response, tokens ? 200 : 400, tokens ?? { error: 'invalid_grant' });
    },

    async revoke(request: IncomingMessage, response: ServerResponse): Promise<void> {
      refreshes.delete(new URLSearchParams(await bodyOf(request)).get('token') ?? '');
      response.writeHead(200).end();
    },

    /** It remembers nobody, so there is nothing to end. */
    leave(url: URL, response: ServerResponse): void {
      const to = url.searchParams.get('post_logout_redirect_uri') ?? '';
      if (LOOPBACK.test(to)) response.writeHead(302, { location: to }).end();
      else reply(response, 400, { error: 'invalid_request' });
    },
  };
}

/** A page of links, where others ask for a password. */
function offer(url: URL, response: ServerResponse): void {
  const links = Object.keys(PEOPLE).map(person => {
    const to = new URL(url);
    to.searchParams.set('as', person);
    return `<li><a href="${(to.pathname + to.search).replaceAll('&', '&amp;').replaceAll('"', '%22')}">${person}</a></li>`;
  });
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  });
  response.end(
    `<!doctype html><html lang="en"><title>Local issuer</title><h1>Sign in as</h1><ul>${links.join('')}</ul>`,
  );
}

export function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? '' : Buffer.concat(chunks).toString();
}

import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';

/** Whom the tokens of this machine are for: what a Cognito client is on AWS. */
export const LOCAL_AUDIENCE = 'distributary-local';

type Sign = (url: string, claims: Readonly<Record<string, unknown>>, life: string) => Promise<string>;

/** Browsers of this machine come back to this machine, and nowhere else. */
const LOOPBACK = /^http:\/\/(127\.0\.0\.1|localhost):\d+\//;
const LIFE = '1h';
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

const redeemed = z.object({
  grant_type: z.literal('authorization_code'),
  client_id: z.literal(LOCAL_AUDIENCE),
  code: z.string(),
  code_verifier: z.string(),
  redirect_uri: z.string(),
});

/** Whom a browser may say it is, and the groups that the issuer then says: as Cognito lists them. */
const PEOPLE: Readonly<Record<string, readonly string[]>> = {
  operator: ['distributary-operator'],
  viewer: ['distributary-viewer'],
  stranger: ['somebody-elses'],
};

/** The authorization code flow with PKCE, for a browser that chooses who it is where others ask for a password. */
export function browserSignIn(sign: Sign) {
  const codes = new Map<string, Asked & { readonly person: string; readonly until: number }>();
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
      const kept = given.success ? codes.get(given.data.code) : undefined;
      if (!given.success || !kept) return reply(response, 400, { error: 'invalid_grant' });
      // Once, whatever comes of it.
      codes.delete(given.data.code);
      const challenge = createHash('sha256').update(given.data.code_verifier).digest('base64url');
      const fits = challenge === kept.code_challenge && given.data.redirect_uri === kept.redirect_uri;
      if (!fits || kept.until < Date.now()) return reply(response, 400, { error: 'invalid_grant' });
      const sub = kept.login_hint ?? subjects.get(kept.person)!;
      const [name, groups] = [`local ${kept.person}`, PEOPLE[kept.person]];
      const id = { sub, token_use: 'id', nonce: kept.nonce, name, 'cognito:groups': groups };
      reply(response, 200, {
        id_token: await sign(url, id, LIFE),
        access_token: await sign(url, { sub, token_use: 'access' }, LIFE),
        token_type: 'Bearer',
        expires_in: 3600,
      });
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

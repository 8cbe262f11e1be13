import type { JsonObject } from '../core/change.ts';
import { consoleDoor, type DoorOptions } from '../functions/operate-http/door.ts';
import { consoleFeed } from '../functions/operate-http/feed.ts';
import type { OperationsClient } from '../functions/operate-http/operations-client.ts';
import { permissionOf } from '../functions/operate-http/permitted.ts';
import { consolePage } from '../lib/console-page.ts';
import { chosenRole } from '../local/chosen-role.ts';

const ORIGIN = 'http://127.0.0.1:4700';

const FOUND = { status: 200, body: { total: 0 } };

/** A door in front of an operations function that notes what it is asked. */
function openDoor() {
  const asked: JsonObject[] = [];
  const nudged: string[] = [];
  const options: DoorOptions = {
    page: new Map([['/', { type: 'text/html', body: '<!doctype html>' }]]),
    origins: [ORIGIN],
    entrance: chosenRole('session'),
    operations: {
      async ask(request) {
        asked.push(request);
        return { ok: true, answer: null };
      },
      nudge: async store => void nudged.push(store),
    },
    live: () => new ReadableStream(),
    responsibilities: [],
    searching: {
      as: 'role',
      async ask(question, as) {
        asked.push({ as: as!, question });
        return question.text === 'mischief' ? { status: 422, body: { detail: 'no such words' } } : FOUND;
      },
    },
  };
  const door = consoleDoor(options);
  const send = (method: string, path: string, headers: Record<string, string>, body?: object) =>
    door(
      new Request(ORIGIN + path, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body && { body: JSON.stringify(body) }),
      }),
    );
  const cookieOf = async (role: string): Promise<string> => {
    const { headers } = await send('POST', '/api/session', { origin: ORIGIN }, { role });
    return headers.get('set-cookie')!.split(';')[0]!;
  };
  return { asked, nudged, send, cookieOf };
}

const REBUILD = { operation: 'rebuild.start', store: 'case-search', reason: 'mischief' };

test.each([
  ['nobody', 401, (_: string) => ({ origin: ORIGIN })],
  ['another page', 403, (cookie: string) => ({ origin: 'https://elsewhere.example', cookie })],
  ['a page that hides where it is', 403, (cookie: string) => ({ origin: 'null', cookie })],
  ['what says no origin', 403, (cookie: string) => ({ cookie })],
  [
    'a sibling site on the same machine',
    403,
    (cookie: string) => ({ origin: ORIGIN, cookie, 'sec-fetch-site': 'same-site' }),
  ],
  ['a form', 400, (cookie: string) => ({ origin: ORIGIN, cookie, 'content-type': 'text/plain' })],
])('nothing is done for %s', async (_, status, headersOf) => {
  const { asked, send, cookieOf } = openDoor();
  const response = await send('POST', '/api/operations', headersOf(await cookieOf('operator')), REBUILD);
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ ok: false, error: { hint: expect.any(String) } });
  expect(asked).toEqual([]);
});

test('a viewer looks and does not act, and nobody asks what the console has no use for', async () => {
  const { asked, send, cookieOf } = openDoor();
  const headers = { origin: ORIGIN, cookie: await cookieOf('viewer') };
  const ask = async (operation: string) => {
    const response = await send('POST', '/api/operations', headers, { operation, store: 'case-search' });
    return response.status;
  };
  expect(await ask('failures.list')).toBe(200);
  expect(await ask('failures.redrive')).toBe(403);
  expect(await ask('runs.advance')).toBe(404);
  expect(await ask('constructor')).toBe(404);
  expect(asked.map(({ operation }) => operation)).toEqual(['failures.list']);
  expect(permissionOf('toString', { name: 'o', role: 'operator' })).toBe('unknown');
});

test('the session says who asks, whatever the page says, and somebody goes on with what was started', async () => {
  const { asked, nudged, send, cookieOf } = openDoor();
  const headers = { origin: ORIGIN, cookie: await cookieOf('operator') };
  await send('POST', '/api/operations', headers, { ...REBUILD, actor: 'somebody else', api: 7 });
  expect(asked).toEqual([{ ...REBUILD, api: 1, actor: 'local operator' }]);
  expect(nudged).toEqual(['case-search']);
});

test('a session begins with a role there is, cannot be read by scripts, and ends', async () => {
  const { send } = openDoor();
  const origin = { origin: ORIGIN };
  expect((await send('POST', '/api/session', origin, { role: 'queen' })).status).toBe(400);
  const entered = await send('POST', '/api/session', origin, { role: 'viewer' });
  const cookie = entered.headers.get('set-cookie')!;
  expect(cookie).toMatch(/^session=[\w-]{32}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
  const headers = { ...origin, cookie: `other=1; ${cookie.split(';')[0]}` };
  const personOf = async () =>
    ((await (await send('GET', '/api/session', headers)).json()) as { person: unknown }).person;
  expect(await personOf()).toEqual({ name: 'local viewer', role: 'viewer' });
  expect((await send('DELETE', '/api/session', headers)).headers.get('set-cookie')).toContain('Max-Age=0');
  expect(await personOf()).toBeNull();
});

test('the page runs nothing but what comes with it', async () => {
  const { send } = openDoor();
  const { headers } = await send('GET', '/', {});
  expect(headers.get('strict-transport-security')).toMatch(/^max-age=\d{7,}$/);
  const policy = headers.get('content-security-policy');
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  const page = consolePage();
  expect([...page.keys()]).toEqual(['/', '/icon.svg', '/console.js', '/console.css']);
  for (const { body } of page.values()) expect(body).not.toMatch(/<script>|style="|@import|url\(["']?http/);
});

/** What a page is sent until it has seen enough. */
async function eventsOf(
  stream: ReadableStream<Uint8Array>,
  enough: number,
): Promise<{ event: string; data: unknown }[]> {
  const found: { event: string; data: unknown }[] = [];
  for await (const chunk of stream) {
    const [, event = '', data = 'null'] = /^event: (\w+)\ndata: (.*)\n\n$/.exec(Buffer.from(chunk).toString()) ?? [];
    found.push({ event, data: JSON.parse(data) });
    if (found.length === enough) break;
  }
  return found;
}

/** An operations function with one run that nobody works on. */
function withRun(): { operations: OperationsClient; nudged: string[] } {
  const nudged: string[] = [];
  const answer = [{ id: 'one', state: 'running', memo: { long: 1 }, lease: null }];
  return {
    operations: { ask: async () => ({ ok: true, answer }), nudge: async store => void nudged.push(store) },
    nudged,
  };
}

test('a page hears each look and its runs without what they keep for themselves; trouble is told, and passes', async () => {
  let looks = 0;
  const { operations, nudged } = withRun();
  const feed = consoleFeed({
    operations,
    async look() {
      looks += 1;
      if (looks === 1) throw new Error('the control server does not answer');
      const stores = [{ store: 'case-search', freshnessSeconds: 2 }];
      return { at: new Date(looks * 1000).toISOString(), source: { changesPerSecond: 3 }, stores };
    },
  });
  try {
    const [first, second] = await eventsOf(feed.open(new AbortController().signal), 2);
    expect(first).toEqual({ event: 'trouble', data: { message: 'the control server does not answer' } });
    expect(second).toMatchObject({
      event: 'look',
      data: {
        point: { at: 2000, changesPerSecond: 3, freshnessSeconds: { 'case-search': 2 } },
        runs: { 'case-search': [{ id: 'one', state: 'running' }] },
      },
    });
    expect(JSON.stringify(second)).not.toContain('long');
    expect(nudged).toEqual(['case-search']);
    const [again] = await eventsOf(feed.open(new AbortController().signal), 1);
    expect(again).toMatchObject({ data: { curve: [{ at: 2000 }] } });
  } finally {
    feed.stop();
  }
});

test('a search is asked as a role that there is, and its refusal is told in words', async () => {
  const { asked, send, cookieOf } = openDoor();
  const headers = { origin: ORIGIN, cookie: await cookieOf('viewer') };
  const search = (body: object) => send('POST', '/api/search', headers, body);
  const question = { text: 'fee' };
  expect(await (await search({ as: 'analyst', question })).json()).toEqual(FOUND.body);
  expect(asked).toEqual([{ as: 'analyst', question }]);
  expect((await search({ as: 'owner', question })).status).toBe(400);
  expect((await search({ as: 'analyst', question: 'fee' })).status).toBe(400);
  const refused = await search({ as: 'analyst', question: { text: 'mischief' } });
  expect([refused.status, await refused.json()]).toMatchObject([409, { error: { message: 'no such words' } }]);
  expect((await send('POST', '/api/search', { origin: ORIGIN }, { as: 'analyst', question })).status).toBe(401);
});

test('who cannot hold a stream open is told the newest look, all of it, and when to ask again; all share one look', async () => {
  let looks = 0;
  const curve = [{ at: 500, changesPerSecond: 1, freshnessSeconds: { 'case-search': 9 } }];
  const feed = consoleFeed({
    ...withRun(),
    async look() {
      looks += 1;
      return { at: new Date(1000).toISOString(), source: { changesPerSecond: 3 }, stores: [], curve };
    },
  });
  const [one, other] = await Promise.all([feed.once(), feed.once()]);
  expect([looks, other]).toEqual([1, one]);
  const [, wait, data] = /^retry: (\d+)\nevent: look\ndata: (.*)\n\n$/.exec(one)!;
  expect(Number(wait)).toBeGreaterThanOrEqual(1000);
  expect(JSON.parse(data!)).toMatchObject({ overview: { source: { changesPerSecond: 3 } }, curve });
});

import dns from 'node:dns';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ask, openSearchClient } from '../functions/stores/opensearch-client.ts';

/** Any host name leads to the local server while a test runs: what reaches it is what AWS would get. */
const realLookup = dns.lookup;
const REGION = 'eu-central-1';

let server: Server;
let port: number;
let seen: { headers: IncomingHttpHeaders; url: string | undefined }[];
let answer: { status: number; body: object };

beforeAll(async () => {
  server = createServer((incoming, outgoing) => {
    seen.push({ headers: incoming.headers, url: incoming.url });
    incoming.resume().on('end', () => {
      outgoing.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  const here = [{ address: '127.0.0.1', family: 4 }];
  const lookup = (
    _host: string,
    options: dns.LookupAllOptions,
    done: (error: null, found: unknown, family?: number) => void,
  ) => (options.all ? done(null, here) : done(null, '127.0.0.1', 4));
  dns.lookup = lookup as unknown as typeof dns.lookup;
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'example' });
});
afterAll(() => {
  dns.lookup = realLookup;
  server.close();
});
beforeEach(() => {
  seen = [];
  answer = { status: 200, body: {} };
});

async function asked(url: string): Promise<IncomingHttpHeaders> {
  const client = openSearchClient(url);
  await ask(client, { method: 'POST', path: '/x/_search', body: { query: { match_all: {} } } });
  await client.close();
  return seen[0]!.headers;
}

test.each([
  `http://search-cases-abc123.${REGION}.es.amazonaws.com`,
  `http://vpc-cases-abc123.${REGION}.es.amazonaws.com`,
  `http://search-cases-abc123.aos.${REGION}.on.aws`,
])('requests to the AWS domain %s are signed for its region', async url => {
  const { authorization } = await asked(`${url}:${port}`);
  expect(authorization).toMatch(
    new RegExp(`^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\\d{8}/${REGION}/es/aws4_request`),
  );
});

test('requests to any other host are not signed', async () => {
  expect(await asked(`http://amazonaws.com.example.org:${port}`)).not.toHaveProperty('authorization');
});

test('the user and password of a URL are sent', async () => {
  const { authorization } = await asked(`http://reader:se%20cret@search.example.org:${port}`);
  expect(authorization).toBe(`Basic ${Buffer.from('reader:se cret').toString('base64')}`);
});

test('a denied request says whom to ask, and is worth repeating', async () => {
  answer = { status: 403, body: { Message: 'User: x is not authorized' } };
  await expect(asked(`http://search.example.org:${port}`)).rejects.toMatchObject({
    code: 'store-unavailable',
    retry: 'later',
    hint: expect.stringContaining('access policy'),
  });
});

test('a question that is refused says why, as its shards do, and is not worth repeating', async () => {
  const root_cause = [{ type: 'query_shard_exception', reason: 'No mapping found for [opened] in order to sort on' }];
  const error = { root_cause, type: 'search_phase_execution_exception', reason: 'all shards failed' };
  answer = { status: 400, body: { error } };
  await expect(asked(`http://search.example.org:${port}`)).rejects.toMatchObject({
    code: 'question-refused',
    retry: 'never',
    message: `OpenSearch answered POST /x/_search with 400 query_shard_exception ${root_cause[0]!.reason}`,
  });
});

test('an error carries no part of the request', async () => {
  answer = {
    status: 503,
    body: { error: { type: 'unavailable_shards_exception', reason: 'source[{"name":"Erika"}]' } },
  };
  const client = openSearchClient(`http://search.example.org:${port}`);
  const lines = '{"index":{}}\n{"name":"Erika"}\n';
  const error: unknown = await ask(client, { method: 'POST', path: '/x/_bulk', lines }).catch(error => error);
  await client.close();
  expect(error).toMatchObject({ code: 'store-unavailable', message: expect.stringContaining('unavailable_shards') });
  expect(error).not.toHaveProperty('cause');
  expect(String(error)).not.toContain('Erika');
});

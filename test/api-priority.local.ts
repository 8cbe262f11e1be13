import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PurgeQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import pg from 'pg';
import { type AskApi, apiClient } from '../bin/drills/api-client.ts';
import { type AuthorizationDrill, drillAuthorization } from '../bin/drills/authorization.ts';
import { type DrillWorld, makeUpPeople } from '../bin/drills/made-up-people.ts';
import { markedEvent } from '../bin/drills/marked-case.ts';
import { encodePack } from '../core/pack.ts';
import { OPERATIONS } from '../core/policy.ts';
import { QUERIED } from '../lib/stacks/api-stack.ts';
import type { LocalMode } from '../local/local-mode.ts';
import { startLocalMode } from '../local/starting.ts';
import { capturedTerminal } from './captured-terminal.ts';

/**
 * The drill of authorization on a local mode: everybody asks for everything, and what takes rights away overtakes what does
 * not. BACKLOG says how many ordinary changes. And what a case says is in no log.
 */

const BACKLOG = Number(process.env.BACKLOG ?? 50_000);
const TIMEOUT_MS = 200_000;
const PATIENCE_MS = 60_000;
/** What takes rights away is in every store by then, whatever waits there. */
const MAX_IN_FORCE_MS = 2_000;

const folder = mkdtempSync(join(tmpdir(), 'distributary-priority-'));
chmodSync(folder, 0o755);
let mode: LocalMode;
let drill: AuthorizationDrill;

beforeAll(async () => {
  mode = await startLocalMode({ dataDir: folder, search: 'embedded' });
}, TIMEOUT_MS);
afterAll(async () => {
  await mode?.stop();
  rmSync(folder, { recursive: true, force: true });
}, TIMEOUT_MS);

test(
  'the API shows and does for everybody what the policy says, and nothing else',
  async () => {
    const { signal } = new AbortController();
    const session = { terminal: capturedTerminal().terminal, json: false, signal };
    drill = await drillAuthorization(mode.endpoints, { dataDir: folder, backlog: BACKLOG }, session);
    expect(drill.mismatches).toEqual([]);
    expect(Object.keys(drill.compared).sort()).toEqual([...OPERATIONS].sort());
  },
  TIMEOUT_MS,
);

test(`a restriction overtakes ${BACKLOG} ordinary changes in every store, and is in force at once in what is read`, () => {
  const { shown, inForceMs, stillWaiting } = drill.restriction;
  console.log(`in force, ms: ${JSON.stringify(inForceMs)}; ${stillWaiting} messages still waiting`);
  expect(shown).toEqual([]);
  expect(Object.keys(inForceMs).sort()).toEqual([...QUERIED].sort());
  expect(Object.entries(inForceMs).filter(([, ms]) => ms > MAX_IN_FORCE_MS)).toEqual([]);
  expect(stillWaiting).toBeGreaterThan(0);
});

test(
  'what a case says is in no log, whatever goes wrong with it, and in no reason of a failed message',
  async () => {
    const db = new pg.Client(mode.endpoints.postgres.url);
    await db.connect();
    const world = await makeUpPeople(db).finally(() => db.end());
    await dropBacklog();
    const marker = `Foxglove-${randomUUID()}`;
    await sayEverywhere(apiClient(mode.endpoints, folder), world, marker);
    const reasons = await reasonsOfFailure(marker, world);
    expect(reasons).toContain('error_code');
    expect(reasons).not.toContain(marker);

    const logs = readdirSync(mode.endpoints.logs, { withFileTypes: true }).filter(entry => entry.isFile());
    const text = (name: string): string => readFileSync(join(mode.endpoints.logs, name), 'utf8');
    const names = logs.map(({ name }) => name);
    expect(names.filter(name => text(name).includes('refused'))).not.toEqual([]);
    for (const said of [marker, world.narrative]) {
      expect(names.filter(name => text(name).includes(said))).toEqual([]);
    }
  },
  TIMEOUT_MS,
);

/** What the drill left in the queues would take the stores minutes, and is of no further use. */
async function dropBacklog(): Promise<void> {
  const { sqs: endpoint, region, credentials, stores } = mode.endpoints;
  const sqs = new SQSClient({ endpoint, region, credentials: { ...credentials } });
  try {
    const queues = QUERIED.map(store => stores[store]!.queueUrl);
    await Promise.all(queues.map(QueueUrl => sqs.send(new PurgeQueueCommand({ QueueUrl }))));
  } finally {
    sqs.destroy();
  }
}

/** By every way into the API: what is done, what is refused by it, by a rule of the database, and by the stores. */
async function sayEverywhere(ask: AskApi, { supervisor, companies: [tenant], cases }: DrillWorld, marker: string) {
  const say = async (status: number, method: string, path: string, body?: object): Promise<void> => {
    const reply = await ask(supervisor, { method, path, ifMatch: '*', ...(body && { body }) });
    expect({ path, status: reply.status }).toEqual({ path, status });
  };
  const kase = { tenant, title: marker, product: marker, issue: marker, narrative: marker, reference: marker.slice(9) };
  await say(201, 'POST', '/cases', kase);
  await say(409, 'POST', '/cases', kase);
  await say(422, 'POST', '/cases', { ...kase, priority: marker });
  await say(422, 'POST', '/cases', { ...kase, narrative: `${marker} `.repeat(1_000) });
  await say(413, 'POST', '/cases', { ...kase, narrative: `${marker} `.repeat(2_000) });
  const path = `/cases/${cases[0]!.id}`;
  await say(200, 'POST', `${path}/transitions`, { to: 'under-review', reason: marker });
  // The database's own words for it quote the row.
  await say(409, 'POST', `${path}/transitions`, { to: 'closed', reason: marker });
  await say(201, 'POST', `${path}/parties`, { role: 'witness', new: { kind: 'person', name: marker } });
  await say(409, 'POST', `${path}/decisions`, { kind: 'correction', summary: marker });
  await say(200, 'POST', '/search', { text: marker });
  await say(422, 'POST', '/search', { filter: { field: marker, is: marker } });
  await say(404, 'GET', `/${marker}`);
  await say(422, 'GET', `/cases/${marker}`);
}

/** A state that no store takes, sent as the relay sends one: what the failed queue says of it, besides the state itself. */
async function reasonsOfFailure(marker: string, { companies: [tenant], cases }: DrillWorld): Promise<string> {
  const { sqs: endpoint, region, credentials, stores } = mode.endpoints;
  const sqs = new SQSClient({ endpoint, region, credentials: { ...credentials } });
  const { queueUrl, failedQueueUrl } = stores['case-search']!;
  try {
    const MessageBody = encodePack([markedEvent({ id: cases[1]!.id, tenant: tenant!, marker }, 1_000)]);
    await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await delay(50)) {
      const receive = new ReceiveMessageCommand({ QueueUrl: failedQueueUrl, MessageAttributeNames: ['All'] });
      const [message] = (await sqs.send(receive)).Messages ?? [];
      if (!message) continue;
      expect(message.Body).toContain(marker);
      return JSON.stringify({ ...message, Body: undefined });
    }
    throw new Error('the failed queue did not get what cannot be projected');
  } finally {
    sqs.destroy();
  }
}

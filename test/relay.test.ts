import fc from 'fast-check';
import { DistributaryError } from '../core/errors.ts';
import type { Lsn } from '../core/lsn.ts';
import { decodePack, MAX_INLINE_STATE_BYTES, MAX_PACK_BYTES, MAX_STATE_BYTES } from '../core/pack.ts';
import type { Pack } from '../functions/relay/packer.ts';
import type { Row } from '../functions/relay/pgoutput.ts';
import { type RelayEvents, relay, type Sink } from '../functions/relay/relay.ts';
import type { ReplicationStream, TransactionPart } from '../functions/relay/replication-stream.ts';

const TENANT = '00000000-0000-4000-8000-000000000001';
const keyOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const OUTBOX = { schema: 'canonical', table: 'outbox', columns: [] };
const HEARTBEAT = { schema: 'canonical', table: 'heartbeat', columns: [] };

function outboxRow(number: number, more: Partial<Record<keyof Row, string | null>> = {}): Row {
  return {
    id: String(number),
    tenant_id: TENANT,
    aggregate: 'case',
    aggregate_id: keyOf(number),
    version: String(number),
    change: 'updated',
    lane: 'standard',
    schema_version: '1',
    deleted: 'f',
    digest: '7',
    traceparent: null,
    payload: JSON.stringify({ number }),
    ...more,
  };
}

type Transactions = readonly (readonly Row[] | 'heartbeat')[];

/** A stream over fixed transactions; transaction number i ends at LSN (i + 1) · 100. */
function streamOf(transactions: Transactions, signal: AbortSignal, partSize = 1000) {
  const acknowledged: bigint[] = [];
  const parts = transactions.flatMap((rows, index): TransactionPart[] => {
    const inserts =
      rows === 'heartbeat'
        ? [{ tag: 'insert' as const, relation: HEARTBEAT, row: {} }]
        : rows.map(row => ({ tag: 'insert' as const, relation: OUTBOX, row }));
    const endLsn = BigInt((index + 1) * 100) as Lsn;
    const common = { xid: index, committedAt: 1_700_000_000_000 + index };
    const out: TransactionPart[] = [];
    for (let at = 0; at < inserts.length || at === 0; at += partSize) {
      const last = at + partSize >= inserts.length;
      out.push({ ...common, inserts: inserts.slice(at, at + partSize), endLsn: last ? endLsn : null });
    }
    return out;
  });
  const stream: ReplicationStream = {
    async *[Symbol.asyncIterator]() {
      for (let at = 0; at < parts.length; at += 3) {
        yield parts.slice(at, at + 3);
        await new Promise(resolve => setImmediate(resolve));
      }
      if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve));
    },
    acknowledge: lsn => acknowledged.push(lsn),
    progress: { received: 0n as Lsn, acknowledged: 0n as Lsn },
    stop: async () => {},
    destroy: () => {},
  };
  return { stream, acknowledged };
}

/** Runs the relay until `done` holds or a second has passed. */
async function run(
  transactions: Transactions,
  sink: Partial<Sink>,
  done: () => boolean,
  { partSize = 1000, events = {} as Partial<RelayEvents> } = {},
) {
  const leave = new AbortController();
  const { stream, acknowledged } = streamOf(transactions, leave.signal, partSize);
  const finished = relay({
    stream,
    signal: leave.signal,
    sink: {
      publish: async () => {},
      heartbeat: async () => {},
      keepState: async () => 's3://b/k',
      park: async () => {},
      ...sink,
    },
    events: { published: () => {}, parked: () => {}, failing: () => {}, saw: () => {}, ...events },
  });
  const end = Date.now() + 5_000;
  while (!done() && Date.now() < end) await new Promise(resolve => setTimeout(resolve, 1));
  leave.abort();
  await finished;
  return acknowledged;
}

const keysIn = (packs: readonly Pack[]) =>
  packs.flatMap(({ body }) => decodePack(body).map(item => (item.kind === 'change' ? item.change.key : item.kind)));

/** All may fall to one pack, whose pauses double: so many are over after two seconds. */
const MOST_FAILURES = 5;

test('whatever fails and in whatever order publications finish, nothing is acknowledged before it is published, and all is published', async () => {
  const history = fc.record({
    sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 40 }),
    partSize: fc.integer({ min: 1, max: 4 }),
    fates: fc.array(fc.record({ fails: fc.integer({ min: 0, max: 2 }), ticks: fc.integer({ min: 0, max: 4 }) }), {
      minLength: 1,
      maxLength: 12,
    }),
    lanes: fc.infiniteStream(fc.constantFrom('standard', 'priority')),
  });
  await fc.assert(
    fc.asyncProperty(history, async ({ sizes, partSize, fates, lanes }) => {
      let number = 0;
      const transactions = sizes.map(size =>
        Array.from({ length: size }, () => outboxRow(++number, { lane: lanes.next().value })),
      );
      const published = new Set<string>();
      const early: string[] = [];
      let calls = 0;
      let failures = 0;
      const publish = async (packs: readonly Pack[]) => {
        const fate = fates[calls++ % fates.length]!;
        for (let tick = 0; tick < fate.ticks; tick++) await new Promise(resolve => setImmediate(resolve));
        if (fate.fails > 0 && failures < MOST_FAILURES) {
          fate.fails -= 1;
          failures += 1;
          throw new Error('topic is unreachable');
        }
        for (const key of keysIn(packs)) published.add(key);
      };
      const leave = new AbortController();
      const { stream } = streamOf(transactions, leave.signal, partSize);
      let last = 0n;
      stream.acknowledge = lsn => {
        expect(lsn).toBeGreaterThan(last);
        last = lsn;
        const covered = transactions.slice(0, Number(lsn) / 100).flat();
        early.push(...covered.map(row => row.aggregate_id!).filter(key => !published.has(key)));
      };
      const finished = relay({
        stream,
        signal: leave.signal,
        sink: { publish, heartbeat: async () => {}, keepState: async () => '', park: async () => {} },
        events: { published: () => {}, parked: () => {}, failing: () => {}, saw: () => {} },
      });
      const end = Date.now() + 5_000;
      while (last < BigInt(transactions.length * 100) && Date.now() < end)
        await new Promise(resolve => setTimeout(resolve, 1));
      leave.abort();
      await finished;
      expect(early).toEqual([]);
      expect(last).toBe(BigInt(transactions.length * 100));
      expect(published.size).toBe(number);
    }),
    { numRuns: 25 },
  );
}, 60_000);

test('a busy pipe fills packs, and none exceeds its limit', async () => {
  const rows = Array.from({ length: 3000 }, (_, index) =>
    outboxRow(index + 1, { payload: JSON.stringify({ text: 'x'.repeat(900) }) }),
  );
  const packs: Pack[] = [];
  const publish = async (batch: readonly Pack[]) => {
    packs.push(...batch);
    await new Promise(resolve => setTimeout(resolve, 2));
  };
  await run([rows], { publish }, () => keysIn(packs).length === 3000);
  expect(packs.every(({ body }) => Buffer.byteLength(body) <= MAX_PACK_BYTES + 2)).toBe(true);
  expect(packs.length).toBeLessThan(80);
});

test('a state too large for a message travels by reference, and its transaction waits for it', async () => {
  const state = JSON.stringify({ text: 'y'.repeat(MAX_INLINE_STATE_BYTES) });
  const kept: string[] = [];
  const packs: Pack[] = [];
  const acknowledged = await run(
    [[outboxRow(1, { payload: state })]],
    {
      publish: async batch => void packs.push(...batch),
      keepState: async (_, text) => {
        kept.push(text);
        return 's3://payloads/one';
      },
    },
    () => packs.length === 1,
  );
  expect(kept).toEqual([state]);
  expect(decodePack(packs[0]!.body)).toMatchObject([
    { kind: 'change', change: { kind: 'parked', dataref: 's3://payloads/one' } },
  ]);
  expect(acknowledged).toEqual([100n]);
});

test.each([
  ['an unknown lane', { lane: 'express' }, /lane is "express"/, 'outbox-row-malformed'],
  ['a version of zero', { version: '0' }, /version is 0/, 'outbox-row-malformed'],
  ['a key that is no UUID', { aggregate_id: 'seven' }, /aggregate_id is "seven"/, 'outbox-row-malformed'],
  ['a payload that is no object', { payload: '[1]' }, /payload is no JSON object/, 'outbox-row-malformed'],
  ['a deletion with a payload', { deleted: 't' }, /deleted, but has a payload/, 'outbox-row-malformed'],
  [
    'a state beyond every limit',
    { payload: `{"a":"${'z'.repeat(MAX_STATE_BYTES)}"}` },
    /payload of 16000008 bytes/,
    'outbox-row-oversized',
  ],
])('%s is parked with its reason, and the stream goes on', async (_, fault, message, code) => {
  const parked: DistributaryError[] = [];
  const packs: Pack[] = [];
  const acknowledged = await run(
    [[outboxRow(1, fault)], [outboxRow(2)]],
    { publish: async batch => void packs.push(...batch), park: async (_row, error) => void parked.push(error) },
    () => packs.length === 1 && parked.length === 1,
  );
  expect(parked[0]).toBeInstanceOf(DistributaryError);
  expect(parked[0]).toMatchObject({ code });
  expect(parked[0]!.message).toMatch(message);
  expect(keysIn(packs)).toEqual([keyOf(2)]);
  expect(acknowledged.at(-1)).toBe(200n);
});

test('a heartbeat leaves on both lanes, and only after everything committed before it was published', async () => {
  const order: string[] = [];
  const publish = async (packs: readonly Pack[]) => {
    await new Promise(resolve => setTimeout(resolve, 5));
    order.push(...keysIn(packs));
  };
  const heartbeat: Sink['heartbeat'] = async ({ lane, committedAt }) => void order.push(`${lane} ${committedAt}`);
  await run([[outboxRow(1)], 'heartbeat', [outboxRow(2)]], { publish, heartbeat }, () => order.length === 4);
  const beats = order.filter(item => item.endsWith('1700000000001'));
  expect(beats).toEqual(['standard 1700000000001', 'priority 1700000000001']);
  expect(order.indexOf(keyOf(1))).toBeLessThan(order.indexOf(beats[0]!));
});

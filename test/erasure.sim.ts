import fc from 'fast-check';
import { applyBatch, type DeadLetter } from '../core/batch.ts';
import type { ResolvedChange } from '../core/change.ts';
import { withoutErased } from '../core/erasure.ts';
import { DistributaryError } from '../core/errors.ts';
import { encodeChange, encodePack } from '../core/pack.ts';
import type { Store, Target, Write } from '../core/store.ts';
import { type AggregateId, storedVersion, type TenantId } from '../core/version.ts';
import { memoryStore } from '../functions/stores/memory.ts';

/**
 * An erasure beside a pipeline that repeats, reorders, delays and poisons: whenever it comes, what is left holds nothing of
 * the erased, and all of the others.
 */

const TENANT = '00000000-0000-4000-8000-0000000000aa' as TenantId;
const TARGET: Target = { store: 'sim', name: 'sim.1.1' };
const ERASED = '00000000-0000-4000-8000-000000000001' as AggregateId;
const OTHER = '00000000-0000-4000-8000-000000000002' as AggregateId;
const MARKER = 'Marigold';
const KEYS = new Set<string>([ERASED]);

interface Message {
  readonly key: AggregateId;
  readonly version: number;
  /** Null is the deletion. */
  readonly text: string | null;
  readonly poison: boolean;
}

/** Versions 1… of the one that is erased, its deletion behind them, and some of another. */
const historyArbitrary = fc.record({
  states: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
  others: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
});

/** What arrives: any order, any repetition, several to a pack; and after how many of them the sweep of the erasure comes. */
const courseArbitrary = historyArbitrary.chain(({ states, others }) => {
  const messages: Message[] = [
    ...states.map((poison, index) => ({ key: ERASED, version: index + 1, text: `${MARKER} ${index}`, poison })),
    { key: ERASED, version: states.length + 1, text: null, poison: false },
    ...others.map((poison, index) => ({ key: OTHER, version: index + 1, text: `Other ${index}`, poison })),
  ];
  const indexes = fc.integer({ min: 0, max: messages.length - 1 });
  return fc.record({
    messages: fc.constant(messages),
    deliveries: fc.array(fc.array(indexes, { minLength: 1, maxLength: 3 }), { maxLength: 12 }),
    sweepAt: fc.nat(12),
    /** Redriven when the erasure has been: they are late for good. */
    redriven: fc.boolean(),
  });
});

function eventOf({ key, version, text, poison }: Message): string {
  const header = {
    aggregate: 'case',
    change: text === null ? 'deleted' : 'updated',
    key,
    tenant: TENANT,
    version: storedVersion(0, version),
    digest: text === null ? 0 : version,
    lane: 'standard' as const,
    schemaVersion: 1,
    committedAt: version,
  };
  return encodeChange(header, text === null ? { deleted: true } : { state: JSON.stringify({ text, poison }) });
}

class Pipeline {
  readonly newest: Store = memoryStore();
  /** What keeps history has every version that it was given, under key and version. */
  readonly history = new Map<string, Write>();
  readonly failed: string[] = [];

  async deliver(bodies: readonly string[]): Promise<void> {
    const messages = bodies.map((body, index) => ({ id: String(index), body }));
    const common = {
      targets: async () => [TARGET],
      resolve: async (change: Parameters<Parameters<typeof applyBatch>[1]['resolve']>[0]) => change as ResolvedChange,
      project,
      deadLetter: async (letters: readonly DeadLetter[]) => void this.failed.push(...letters.map(({ body }) => body)),
    };
    await applyBatch(messages, { ...common, store: this.newest });
    const write: Store['write'] = async (_, writes) => {
      for (const one of writes) {
        const name = `${one.key}@${one.version}`;
        if (!this.history.has(name)) this.history.set(name, one);
      }
      return writes.map(() => ({ kind: 'applied' }));
    };
    await applyBatch(messages, {
      ...common,
      store: { ...this.newest, keepsHistory: true, write },
      deadLetter: async () => {},
    });
  }

  /** What `erase` does to each place, by the same rules. */
  async sweep(deletion: Message): Promise<void> {
    const version = storedVersion(0, deletion.version);
    await this.newest.write(TARGET, [
      { key: ERASED, tenant: TENANT, version, digest: 0, committedAt: deletion.version, document: null },
    ]);
    for (const [name, write] of this.history) {
      if (KEYS.has(write.key) && write.document) this.history.set(name, { ...write, digest: 0, document: null });
    }
    const before = this.failed.splice(0);
    for (const body of before) {
      const stripped = withoutErased(body, KEYS);
      if (stripped.kind === 'untouched') this.failed.push(body);
      if (stripped.kind === 'rest') this.failed.push(stripped.body);
    }
  }

  async everything(): Promise<string> {
    const held: unknown[] = [];
    for await (const stored of this.newest.scan(TARGET, {})) held.push(stored);
    return JSON.stringify([held, [...this.history.values()], this.failed]);
  }
}

function project(change: ResolvedChange): Write {
  const { key, tenant, version, digest, committedAt } = change;
  const common = { key, tenant, version, digest, committedAt };
  if (change.kind === 'deleted') return { ...common, document: null };
  if (change.state.poison) throw new DistributaryError('projector-threw', 'projector threw');
  return { ...common, document: change.state };
}

test('erased at any point of the pipeline, with repetitions and late messages, nothing is left in any store', async () => {
  await fc.assert(
    fc.asyncProperty(courseArbitrary, async ({ messages, deliveries, sweepAt, redriven }) => {
      const pipeline = new Pipeline();
      await pipeline.newest.create(TARGET);
      const deletion = messages.find(({ text }) => text === null)!;
      const bodies = deliveries.map(indexes => encodePack(indexes.map(index => eventOf(messages[index]!))));
      let keptFailed: readonly string[] = [];
      for (const [index, body] of bodies.entries()) {
        if (index === sweepAt) {
          keptFailed = [...pipeline.failed];
          await pipeline.sweep(deletion);
        }
        await pipeline.deliver([body]);
        // From the sweep on no document of it is seen by anybody, whatever comes late.
        if (index >= sweepAt) expect((await pipeline.newest.read(TARGET, ERASED))?.document ?? null).toBeNull();
      }
      // Somebody had taken failed messages in hand before, and sends them back after.
      if (redriven) await pipeline.deliver(keptFailed);
      // The next look: compaction's for late facts, the night's for the rest.
      await pipeline.sweep(deletion);
      const everything = await pipeline.everything();
      expect(everything).not.toContain(MARKER);
      await expectOthers(pipeline, messages, deliveries.flat());
    }),
    { numRuns: 400 },
  );
});

/** The other aggregate is where it would be without any erasure. */
async function expectOthers(pipeline: Pipeline, messages: readonly Message[], delivered: readonly number[]) {
  const others = delivered.map(index => messages[index]!).filter(({ key }) => key === OTHER);
  const landed = others.filter(({ poison }) => !poison).map(({ version }) => version);
  const stored = await pipeline.newest.read(TARGET, OTHER);
  expect(stored?.version).toBe(landed.length === 0 ? undefined : storedVersion(0, Math.max(...landed)));
  const failed = JSON.stringify(pipeline.failed);
  for (const { poison, text, version } of others) {
    // A poisoned one that a newer one outranked in the same batch never had its turn.
    const isOutranked = landed.some(other => other > version);
    if (poison && !isOutranked) expect(failed).toContain(text!);
  }
}

test('a message that is no pack goes as a whole where it names one of them, and stays where it does not', () => {
  expect(withoutErased('no pack', KEYS)).toEqual({ kind: 'untouched' });
  expect(withoutErased(`no pack of ${ERASED}`, KEYS)).toEqual({ kind: 'empty', events: 1 });
});

test('of a pack the others stay as they were, and a deletion tells nothing', () => {
  const [mine, gone, other] = [
    { key: ERASED, version: 1, text: MARKER, poison: false },
    { key: ERASED, version: 2, text: null, poison: false },
    { key: OTHER, version: 1, text: 'Other', poison: false },
  ].map(eventOf) as [string, string, string];
  const stripped = withoutErased(encodePack([mine, gone, other]), KEYS);
  expect(stripped).toMatchObject({ kind: 'rest', events: 1 });
  expect(stripped.kind === 'rest' && JSON.parse(stripped.body)).toEqual([JSON.parse(gone), JSON.parse(other)]);
  expect(withoutErased(encodePack([gone, other]), KEYS)).toEqual({ kind: 'untouched' });
  expect(withoutErased(encodePack([mine]), KEYS)).toEqual({ kind: 'empty', events: 1 });
});

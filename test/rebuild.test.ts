import type { ResolvedChange } from '../core/change.ts';
import { compareRange, type KeyDigest } from '../core/rebuild.ts';
import type { Target } from '../core/store.ts';
import { type AggregateId, storedVersion, type TenantId } from '../core/version.ts';
import { postgresCanonical } from '../functions/operate/canonical/postgres-canonical.ts';
import { answer } from '../functions/operate/operations.ts';
import { memoryStore } from '../functions/stores/memory.ts';
import { projectChange, QUIET, STORE, World } from './rebuild-world.ts';

const GREEN: Target = { store: STORE, name: 'green' };
const TENANT = '00000000-0000-4000-8000-0000000000aa' as TenantId;
const key = (number: number) => `${String(number).padStart(8, '0')}-0000-4000-8000-000000000000` as AggregateId;

function changeOf(number: number, version: number, deleted = false): ResolvedChange {
  const header = {
    id: `${version}@${number}`,
    aggregate: 'case',
    change: 'updated',
    key: key(number),
    tenant: TENANT,
    version: storedVersion(0, version),
    digest: deleted ? 0 : number * 100 + version,
    lane: 'standard' as const,
    schemaVersion: 1,
    committedAt: 0,
  };
  return deleted ? { kind: 'deleted', ...header } : { kind: 'state', ...header, state: { number } };
}

/** A target that holds the first, beside a canonical store that holds the second. */
async function compare(held: readonly ResolvedChange[], canonical: readonly ResolvedChange[]) {
  const store = memoryStore();
  await store.create(GREEN);
  await store.write(GREEN, held.map(projectChange));
  const report = await compareRange(
    {},
    {
      store,
      target: GREEN,
      entries: async () => canonical.filter(({ kind }) => kind === 'state') as readonly KeyDigest[],
      found: async keys => canonical.filter(change => keys.includes(change.key)),
      project: projectChange,
      pause: async () => {},
    },
  );
  return { report, store };
}

test('equal sums end a comparison at the first look', async () => {
  const states = [changeOf(1, 1), changeOf(2, 3)];
  const { report } = await compare([...states, changeOf(3, 9, true)], states);
  expect(report).toEqual({
    documents: 2,
    equalAtOnce: true,
    repaired: 0,
    missing: [],
    extra: [],
    mismatched: [],
    refused: [],
  });
});

test('what is missing, old or deleted is written again; what never was, or is another at the same version, is named', async () => {
  const other = { ...changeOf(4, 2), digest: 77 };
  const held = [changeOf(1, 1), changeOf(2, 1), other, changeOf(5, 1), changeOf(6, 1)];
  const canonical = [changeOf(1, 1), changeOf(2, 2), changeOf(3, 1), changeOf(4, 2), changeOf(5, 2, true)];
  const { report, store } = await compare(held, canonical);
  expect(report).toMatchObject({ documents: 4, equalAtOnce: false, repaired: 3 });
  expect(report).toMatchObject({ missing: [], extra: [key(6)], mismatched: [key(4)] });
  expect((await store.read(GREEN, key(2)))?.version).toBe(2);
  expect(await store.read(GREEN, key(3))).toBeDefined();
  expect((await store.read(GREEN, key(5)))?.document).toBeNull();
});

test('a target that is ahead of the look is right: the change came in between', async () => {
  const { report } = await compare([changeOf(1, 5)], [changeOf(1, 4)]);
  expect(report).toMatchObject({ repaired: 0, missing: [], extra: [], mismatched: [] });
});

describe('a request', () => {
  const world = new World(1);
  const asked = { api: 1, actor: 'ann', reason: 'a test' };

  const ask = (request: object) => world.time.outcome(answer(request, world.operate(QUIET)));

  test.each([
    [{ ...asked, operation: 'rebuild.strt', store: STORE }, 'unknown operation "rebuild.strt"', /rebuild\.start/],
    [{ ...asked, operation: 'rebuild.start', store: STORE, rate: 0 }, 'rate', /functions\/operate/],
    [{ ...asked, operation: 'rebuild.start', store: STORE, rat: 5 }, 'rat', /functions\/operate/],
    [{ ...asked, reason: ' ', operation: 'run.read', store: STORE }, 'reason', /functions\/operate/],
    [{ ...asked, api: 2, operation: 'run.read', store: STORE }, 'api', /functions\/operate/],
    ['nothing', 'names no operation', /functions\/operate/],
  ])('%j is refused with what is wrong', async (request, message, hint) => {
    expect(await ask(request as object)).toMatchObject({
      ok: false,
      error: { code: 'request-invalid', message: expect.stringContaining(message), hint: expect.stringMatching(hint) },
    });
  });

  test('that changes something is in the audit log with who, why and what came of it; a store has one run at a time', async () => {
    const start = { ...asked, operation: 'rebuild.start', store: STORE, rate: 7 };
    expect(await ask(start)).toMatchObject({
      ok: true,
      answer: { state: 'running', step: 'prepare', request: { rate: 7 } },
    });
    expect(await ask(start)).toMatchObject({ ok: false, error: { code: 'run-active' } });
    expect(await ask({ ...asked, operation: 'run.pause', store: STORE })).toMatchObject({
      answer: { wanted: 'pause' },
    });
    expect(await ask({ ...asked, operation: 'run.resume', store: STORE })).toMatchObject({ answer: { wanted: 'run' } });
    expect(await ask({ ...asked, operation: 'run.cancel', store: STORE })).toMatchObject({
      answer: { wanted: 'cancel' },
    });
    expect(await ask({ ...asked, operation: 'run.resume', store: STORE })).toMatchObject({
      error: { code: 'run-refused' },
    });
    const { answer: entries } = (await ask({ ...asked, operation: 'audit.list' })) as { answer: readonly object[] };
    expect(entries).toHaveLength(6);
    expect(entries).toContainEqual(
      expect.objectContaining({ actor: 'ann', reason: 'a test', operation: 'rebuild.start', outcome: 'run-active' }),
    );
  });
});

test('whole states are read from a reader; what decides is asked of the writer', async () => {
  const recording = () => {
    const texts: string[] = [];
    const query = async (text: string) => {
      texts.push(text);
      return [];
    };
    return { texts, query, close: async () => {} };
  };
  const [writer, reader] = [recording(), recording()];
  const canonical = postgresCanonical(writer, reader);
  await canonical.read('case', { after: undefined, limit: 5 });
  expect([writer.texts.length, reader.texts.length]).toEqual([0, 2]);
  await canonical.entries(['case'], {});
  await canonical.found(['case'], [key(1)]);
  await canonical.boundAfter(['case'], undefined, 5);
  expect(reader.texts).toHaveLength(2);
});

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'expect';
import type { Cache } from '../core/cache.ts';
import { runner } from './runner.ts';

/** What the suite needs to know of a cache. */
export interface CacheUnderTest {
  /** Two ways to the same cache, as two instances of a function have them. */
  readonly one: Cache;
  readonly other: Cache;
  /** A key that was never used. @default any text */
  key?(): string;
  /** Runs `during` while the engine does not answer; when this resolves it answers again. */
  outage?(during: () => Promise<void>): Promise<void>;
  /** Breaks the connections that are open, as an idle time-out on the way does. */
  cut?(): void;
  close(): Promise<void>;
}

const OPEN_TIMEOUT_MS = 60_000;
const TEST_TIMEOUT_MS = 30_000;
const LONG_MS = 600_000;
const SHORT_MS = 150;
const MANY = 20;

/** Asks until it is so; a cache that never forgets runs into the test's own time limit. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(SHORT_MS / 5);
}

/** The promises of the port (core/cache.ts) as tests, for every engine. */
export function testCache(open: () => Promise<CacheUnderTest>, { isRemote }: { readonly isRemote: boolean }): void {
  const { describe, beforeAll, afterAll } = runner;
  const test = (name: string, body: () => Promise<void>) => runner.test(name, body, TEST_TIMEOUT_MS);
  let subject: CacheUnderTest;
  const key = () => subject.key?.() ?? randomUUID();

  describe('as a cache', () => {
    beforeAll(async () => {
      subject = await open();
    }, OPEN_TIMEOUT_MS);
    afterAll(() => subject?.close(), OPEN_TIMEOUT_MS);

    test('gives everybody what was put last, and nothing for what was not', async () => {
      const { one, other } = subject;
      const mine = key();
      expect(await other.get(mine)).toBeUndefined();
      for (const value of ['{"a":1}', 'ß𝛼\n\0"', 'x'.repeat(10_000)]) {
        await one.put(mine, value, LONG_MS);
        expect(await other.get(mine)).toBe(value);
      }
      expect(await other.get(key())).toBeUndefined();
    });

    test('forgets what is over, and not before what is put again', async () => {
      const mine = key();
      await subject.one.put(mine, 'short', SHORT_MS);
      await until(async () => (await subject.other.get(mine)) === undefined);
      await subject.one.put(mine, 'short', SHORT_MS);
      await subject.one.put(mine, 'long', LONG_MS);
      await delay(2 * SHORT_MS);
      expect(await subject.other.get(mine)).toBe('long');
    });

    test('gives nobody what was removed; what is not there may be removed', async () => {
      const mine = key();
      await subject.one.put(mine, 'value', LONG_MS);
      await subject.other.remove(mine);
      expect(await subject.one.get(mine)).toBeUndefined();
      await subject.one.remove(mine);
    });

    test('lets one of many have a key, and the next when that time is over', async () => {
      const { one, other } = subject;
      const mine = key();
      const claims = await Promise.all(
        Array.from({ length: MANY }, (_, turn) => (turn % 2 ? one : other).claim(mine, LONG_MS)),
      );
      expect(claims.filter(had => had)).toHaveLength(1);
      await one.remove(mine);
      expect(await other.claim(mine, SHORT_MS)).toBe(true);
      await until(() => one.claim(mine, LONG_MS));
      expect(await other.claim(mine, LONG_MS)).toBe(false);
    });

    if (isRemote) {
      test('that does not answer says so, and answers when it is back', async () => {
        const mine = key();
        await subject.one.put(mine, 'value', LONG_MS);
        await subject.outage!(async () => {
          const { one } = subject;
          for (const ask of [one.get(mine), one.put(mine, 'x', LONG_MS), one.claim(mine, LONG_MS), one.remove(mine)]) {
            await expect(ask).rejects.toMatchObject({ code: 'store-unavailable' });
          }
        });
        expect(await subject.one.get(mine)).toBe('value');
      });

      test('is asked again where a connection was cut while nobody looked', async () => {
        const mine = key();
        await subject.one.put(mine, 'value', LONG_MS);
        subject.cut!();
        expect(await subject.one.get(mine)).toBe('value');
      });
    }
  });
}

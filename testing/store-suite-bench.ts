import { expect } from 'expect';
import type { Outcome, Store, Stored, Target, Write } from '../core/store.ts';
import { digestOf, newest } from './store-samples.ts';
import type { Capability, StoreUnderTest } from './store-under-test.ts';

/** What a test of the suite works with. */
export interface Bench {
  readonly subject: StoreUnderTest;
  readonly store: Store;
  /** A new empty target. */
  fresh(): Promise<Target>;
  /** Everything the port lets one see of a target agrees with what was written to it. */
  expectHeld(target: Target, writes: readonly Write[]): Promise<void>;
}

type Body = (bench: Bench) => Promise<void>;

export interface Promises {
  promise(name: string, body: Body): void;
  /** Skipped, by name, where the engine lacks the capability. */
  promiseWith(capability: Capability, name: string, body: Body): void;
}

export function benchOf(subject: StoreUnderTest): Bench {
  const { store } = subject;
  return {
    subject,
    store,
    async fresh() {
      const target = subject.target();
      await store.create(target);
      return target;
    },
    async expectHeld(target, writes) {
      const held = newest(writes);
      expect(await collect(store.scan(target, {}))).toEqual(held);
      expect(await store.digest(target, {})).toEqual(digestOf(writes));
      for (const write of held.slice(0, 20)) expect(await store.read(target, write.key)).toEqual(write);
    },
  };
}

export async function collect(scan: AsyncIterable<Stored>): Promise<Stored[]> {
  const all: Stored[] = [];
  for await (const stored of scan) all.push(stored);
  return all;
}

export const kinds = (outcomes: readonly Outcome[]): string[] => outcomes.map(({ kind }) => kind);
export const codes = (outcomes: readonly Outcome[]): string[] =>
  outcomes.map(outcome => ('error' in outcome ? outcome.error.code : outcome.kind));

/** `stale` may be told as `applied` by an engine that cannot tell; neither leaves a write behind. */
export function expectLanded(outcomes: readonly Outcome[]): void {
  expect(codes(outcomes).filter(code => code !== 'applied' && code !== 'stale')).toEqual([]);
}

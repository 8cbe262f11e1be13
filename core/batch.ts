import type { Change, Heartbeat, ResolvedChange } from './change.ts';
import { DistributaryError } from './errors.ts';
import { decodePack, encodePack } from './pack.ts';
import { type Outcome, STALE, type Store, type Target, type Write } from './store.ts';

/** One queue message: a pack. */
export interface Message {
  readonly id: string;
  readonly body: string;
}

/** What will never land as it is, and why. `body` can be put back on the queue unchanged: that is a redrive. */
export interface DeadLetter {
  readonly body: string;
  readonly error: DistributaryError;
  /** Absent when not even that much was understood. */
  readonly change?: Change;
}

/** What a batch needs from outside. */
export interface BatchPorts {
  readonly store: Store;
  /** Every target that receives writes, the one that readers see first. */
  targets(): Promise<readonly Target[]>;
  /** Document of one change. Throws a DistributaryError whose code says who retries. */
  project(change: ResolvedChange): Write;
  /** The state of a change whose payload was parked. */
  resolve(change: Change): Promise<ResolvedChange>;
  /** Keeps what failed for good; must not return before it is safe. */
  deadLetter(letters: readonly DeadLetter[]): Promise<void>;
}

export interface BatchReport {
  /** Messages to deliver again later, because of `unavailable`. */
  readonly later: ReadonlySet<string>;
  readonly unavailable: DistributaryError | undefined;
  /** Commit times (ms) of the changes that the store now holds, for the lag. */
  readonly applied: readonly number[];
  readonly stale: number;
  readonly deadLetters: readonly DeadLetter[];
  readonly heartbeats: readonly Heartbeat[];
}

/** One change of one message on its way through a batch. */
interface Item {
  readonly message: string;
  readonly event: unknown;
  readonly change: Change;
}

interface Settled {
  readonly item: Item;
  readonly outcome: Outcome;
}

/**
 * Brings a batch of packs into a store: parse → newest per key → project → write if newer.
 * A message counts as done only when each of its changes is in every target, superseded, or safe as a dead letter.
 */
export async function applyBatch(messages: readonly Message[], ports: BatchPorts): Promise<BatchReport> {
  const { items, heartbeats, broken } = unpack(messages);
  const settled = await settle(items, ports);
  const deadLetters = [...broken, ...settled.flatMap(toDeadLetter)];
  if (deadLetters.length > 0) await ports.deadLetter(deadLetters);
  const unavailable = settled.flatMap(({ outcome }) => (outcome.kind === 'unavailable' ? [outcome.error] : []));
  return {
    later: new Set(settled.flatMap(({ item, outcome }) => (outcome.kind === 'unavailable' ? [item.message] : []))),
    unavailable: unavailable[0],
    applied: settled.flatMap(({ item, outcome }) => (outcome.kind === 'applied' ? [item.change.committedAt] : [])),
    stale: settled.filter(({ outcome }) => outcome.kind === 'stale').length,
    deadLetters,
    heartbeats,
  };
}

function unpack(messages: readonly Message[]) {
  const items: Item[] = [];
  const heartbeats: Heartbeat[] = [];
  const broken: DeadLetter[] = [];
  for (const { id, body } of messages) {
    try {
      for (const unpacked of decodePack(body)) {
        if (unpacked.kind === 'heartbeat') heartbeats.push(unpacked.heartbeat);
        else if (unpacked.kind === 'change')
          items.push({ message: id, event: unpacked.event, change: unpacked.change });
        else broken.push({ body: rewrap(unpacked.event), error: unpacked.error });
      }
    } catch (cause) {
      if (!(cause instanceof DistributaryError)) throw cause;
      broken.push({ body, error: cause });
    }
  }
  return { items, heartbeats, broken };
}

const rewrap = (event: unknown): string => encodePack([JSON.stringify(event)]);

const toDeadLetter = ({ item, outcome }: Settled): DeadLetter[] =>
  outcome.kind === 'refused' ? [{ body: rewrap(item.event), error: outcome.error, change: item.change }] : [];

/** What is left to try of one key's changes, newest first. */
interface Rivals {
  readonly items: readonly Item[];
  next: number;
}

/**
 * The newest change of each key goes to the store, all keys in one call; where the store keeps history, every change does. Where it cannot be projected or is refused, the
 * next older one gets its turn: a poisoned change must not take a good one down with it.
 */
async function settle(items: readonly Item[], ports: BatchPorts): Promise<readonly Settled[]> {
  const settled: Settled[] = [];
  const rivalry = ({ change }: Item) => (ports.store.keepsHistory ? change.id : change.key);
  let open: Rivals[] = [...Map.groupBy(items, rivalry).values()].map(rivals => ({
    items: rivals.sort((a, b) => b.change.version - a.change.version),
    next: 0,
  }));
  while (open.length > 0) {
    const candidates: { rivals: Rivals; write: Write }[] = [];
    for (const rivals of open) {
      const write = await nextWrite(rivals, ports, settled);
      if (write) candidates.push({ rivals, write });
    }
    const outcomes = await writeAll(
      candidates.map(({ write }) => write),
      ports,
    );
    open = candidates.flatMap(({ rivals }, index) => (conclude(rivals, outcomes[index]!, settled) ? [] : [rivals]));
  }
  return settled;
}

/** The newest change that can be projected; those before it are settled as what they are. */
async function nextWrite(rivals: Rivals, ports: BatchPorts, settled: Settled[]): Promise<Write | undefined> {
  for (; rivals.next < rivals.items.length; rivals.next += 1) {
    const item = rivals.items[rivals.next]!;
    const result = await prepare(item, ports);
    if (result.kind === 'write') return result.write;
    settled.push({ item, outcome: result });
  }
  return undefined;
}

/** Settles the change just written and, unless it was refused, every older one with it. True when nothing is left. */
function conclude(rivals: Rivals, outcome: Outcome, settled: Settled[]): boolean {
  const [item, ...older] = rivals.items.slice(rivals.next);
  settled.push({ item: item!, outcome });
  rivals.next += 1;
  if (outcome.kind === 'refused') return older.length === 0;
  // While nothing is known of the newest, the older ones must come back with it: it may be refused then.
  const theirs = outcome.kind === 'unavailable' ? outcome : STALE;
  settled.push(...older.map(item => ({ item, outcome: theirs })));
  return true;
}

async function prepare({ change }: Item, ports: BatchPorts): Promise<Outcome | { kind: 'write'; write: Write }> {
  try {
    return { kind: 'write', write: ports.project(await ports.resolve(change)) };
  } catch (error) {
    if (!(error instanceof DistributaryError)) throw error;
    return { kind: error.retry === 'later' ? 'unavailable' : 'refused', error };
  }
}

/** The same writes to each target; per write the worst outcome, for a write is done when it is done everywhere. */
async function writeAll(writes: readonly Write[], { store, targets }: BatchPorts): Promise<readonly Outcome[]> {
  if (writes.length === 0) return [];
  const receiving = await receivingTargets(targets);
  if (receiving instanceof DistributaryError) return writes.map(() => ({ kind: 'unavailable', error: receiving }));
  const byTarget = await Promise.all(receiving.map(target => store.write(target, writes)));
  return writes.map((_, index) => byTarget.map(outcomes => outcomes[index]!).reduce(worse));
}

async function receivingTargets(targets: BatchPorts['targets']): Promise<readonly Target[] | DistributaryError> {
  try {
    const receiving = await targets();
    if (receiving.length > 0) return receiving;
    return new DistributaryError('target-missing', 'the store has no target that receives writes');
  } catch (error) {
    if (error instanceof DistributaryError && error.retry === 'later') return error;
    throw error;
  }
}

const SEVERITY = { stale: 0, applied: 1, refused: 2, unavailable: 3 } as const;
const worse = (a: Outcome, b: Outcome): Outcome => (SEVERITY[b.kind] > SEVERITY[a.kind] ? b : a);

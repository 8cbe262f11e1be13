import type { Lane } from '../../core/change.ts';
import { type ChangeHeader, encodePack, MAX_PACK_BYTES } from '../../core/pack.ts';
import type { Entry } from './ledger.ts';

/** One message for the topic, and the transactions that wait for it. */
export interface Pack {
  readonly aggregate: string;
  readonly lane: Lane;
  readonly body: string;
  /** Of its events, as `add` counted them. */
  readonly bytes: number;
  readonly changes: number;
  /** Commit time (ms) of its oldest change. */
  readonly oldest: number;
  readonly entries: readonly Entry[];
}

interface OpenPack {
  readonly aggregate: string;
  readonly lane: Lane;
  readonly events: string[];
  readonly entries: Entry[];
  bytes: number;
  oldest: number;
}

/** Collects events into packs of one aggregate and one lane. A pack is closed when the next event would not fit. */
export class Packer {
  readonly #open = new Map<string, OpenPack>();
  readonly #closed: { readonly priority: Pack[]; readonly standard: Pack[] } = { priority: [], standard: [] };

  /** Yields what it takes in a pack, its comma included. */
  add({ aggregate, lane, committedAt }: ChangeHeader, event: string, eventBytes: number, entry: Entry): number {
    const bytes = eventBytes + 1;
    const name = `${aggregate}/${lane}`;
    let pack = this.#open.get(name);
    if (pack && pack.bytes + bytes > MAX_PACK_BYTES) {
      this.#close(name, pack);
      pack = undefined;
    }
    if (!pack) {
      pack = { aggregate, lane, events: [], entries: [], bytes: 0, oldest: committedAt };
      this.#open.set(name, pack);
    }
    pack.events.push(event);
    pack.bytes += bytes;
    if (pack.entries.at(-1) !== entry) {
      pack.entries.push(entry);
      entry.pending += 1;
    }
    return bytes;
  }

  get hasOpen(): boolean {
    return this.#open.size > 0;
  }

  get hasClosed(): boolean {
    return this.#closed.priority.length + this.#closed.standard.length > 0;
  }

  /** Closes what is open: every pack, or those of one lane. */
  closeOpen(lane?: Lane): void {
    for (const [name, pack] of this.#open) if (lane === undefined || pack.lane === lane) this.#close(name, pack);
  }

  /** Takes closed packs, the priority lane's first, up to a count and a sum of bytes; at least one if there is one. */
  take(maxPacks: number, maxBytes: number): Pack[] {
    const taken: Pack[] = [];
    let bytes = 0;
    for (const queue of [this.#closed.priority, this.#closed.standard]) {
      let count = 0;
      for (const pack of queue) {
        if (taken.length >= maxPacks || (taken.length > 0 && bytes + pack.bytes > maxBytes)) break;
        taken.push(pack);
        bytes += pack.bytes;
        count += 1;
      }
      queue.splice(0, count);
    }
    return taken;
  }

  #close(name: string, { aggregate, lane, events, entries, bytes, oldest }: OpenPack): void {
    this.#open.delete(name);
    const pack = { aggregate, lane, body: encodePack(events), bytes, changes: events.length, oldest, entries };
    this.#closed[lane].push(pack);
  }
}

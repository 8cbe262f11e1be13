import type { Lsn } from '../../core/lsn.ts';

/** A transaction on its way: safe when nothing of it is pending any more. */
export interface Entry {
  /** Publications that must succeed, and one for its commit while that has not been seen. */
  pending: number;
  endLsn: Lsn | undefined;
  /** Called when this transaction and everything before it are safe. */
  onSafe: (() => void) | undefined;
}

/**
 * Publications finish in any order; the slot may only be told of the contiguous prefix. Each operation takes constant
 * time, amortised.
 */
export class Ledger {
  #entries: Entry[] = [];
  #head = 0;
  readonly #acknowledge: (lsn: Lsn) => void;

  constructor(acknowledge: (lsn: Lsn) => void) {
    this.#acknowledge = acknowledge;
  }

  get outstanding(): number {
    return this.#entries.length - this.#head;
  }

  /** The next transaction in the order of commits. Close it with `committed`. */
  open(): Entry {
    const entry: Entry = { pending: 1, endLsn: undefined, onSafe: undefined };
    this.#entries.push(entry);
    return entry;
  }

  committed(entry: Entry, endLsn: Lsn): void {
    entry.endLsn = endLsn;
    this.settle(entry);
  }

  settle(entry: Entry): void {
    entry.pending -= 1;
    if (entry.pending === 0 && entry === this.#entries[this.#head]) this.#advance();
  }

  #advance(): void {
    let safe: Lsn | undefined;
    for (let entry = this.#entries[this.#head]; entry?.pending === 0; entry = this.#entries[this.#head]) {
      safe = entry.endLsn;
      this.#head += 1;
      entry.onSafe?.();
    }
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    if (safe !== undefined) this.#acknowledge(safe);
  }
}

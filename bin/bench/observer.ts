import { setTimeout as delay } from 'node:timers/promises';

/** Of a latency, how much may be due to our not looking. */
const LATE_SHARE = 0.03;

/** Milliseconds since 1970, and parts of them. */
export const clock = (): number => performance.timeOrigin + performance.now();

/** A case after an update: what has to arrive. */
export interface Written {
  readonly id: string;
  readonly version: number;
  /** When its commit was sent, ms since 1970: all that comes later is the pipe's. */
  readonly at: number;
}

/** Which version of each document can be seen now, by key; what cannot is left out. */
export type Look = (keys: readonly string[]) => Promise<ReadonlyMap<string, number>>;

/**
 * Watches documents until they have the version they wait for. All of them are asked for in one request, on one connection,
 * one request after another: how many wait makes no difference to the store that is being measured.
 */
export class Observer {
  readonly #look: Look;
  readonly #everyMs: number;
  readonly #waiting = new Map<string, Written>();
  readonly #running: Promise<void>;
  #open = true;
  /** Milliseconds from each commit until it was seen; a request's way back is part of it. */
  readonly latencies: number[] = [];

  constructor(look: Look, everyMs: number) {
    this.#look = look;
    this.#everyMs = everyMs;
    this.#running = this.#run();
  }

  watch(written: Written): void {
    if (!this.#waiting.has(written.id)) this.#waiting.set(written.id, written);
  }

  /** Waits for the last ones, up to a time; yields how many were not seen. */
  async close(withinMs: number): Promise<number> {
    for (const end = Date.now() + withinMs; this.#waiting.size > 0 && Date.now() < end; ) await delay(this.#everyMs);
    this.#open = false;
    await this.#running;
    return this.#waiting.size;
  }

  async #run(): Promise<void> {
    while (this.#open) {
      if (this.#waiting.size > 0) this.#take(await this.#look([...this.#waiting.keys()]));
      await delay(this.#pause());
    }
  }

  /** Where the youngest has waited for long, to be a little late makes no difference. */
  #pause(): number {
    const youngest = [...this.#waiting.values()].at(-1);
    return youngest ? Math.max(this.#everyMs, (clock() - youngest.at) * LATE_SHARE) : this.#everyMs;
  }

  #take(seen: ReadonlyMap<string, number>): void {
    const now = clock();
    for (const [key, version] of seen) {
      const written = this.#waiting.get(key);
      if (!written || version < written.version) continue;
      this.#waiting.delete(key);
      this.latencies.push(now - written.at);
    }
  }
}

interface Found {
  readonly _id: string;
  readonly _version?: number;
}

/** Reads by id, which see what is not yet searchable. */
export const lookByGet = (url: string, index: string): Look => {
  const ask = asker(new URL(`/${index}/_mget?_source=false`, url));
  return async keys => versions(((await ask({ ids: keys })) as { docs: readonly Found[] }).docs);
};

export const lookBySearch = (url: string, index: string): Look => {
  const ask = asker(new URL(`/${index}/_search`, url));
  return async keys => {
    const query = { terms: { 'distributary.key': keys } };
    const answer = await ask({ size: keys.length, _source: false, version: true, query });
    return versions((answer as { hits: { hits: readonly Found[] } }).hits.hits);
  };
};

const versions = (found: readonly Found[]): ReadonlyMap<string, number> =>
  new Map(found.flatMap(({ _id, _version }) => (_version === undefined ? [] : [[_id, _version]])));

const asker =
  (url: URL) =>
  async (body: object): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${url.pathname}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };

import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { DistributaryError } from '../../core/errors.ts';
import type { AnswerOf, Reply } from '../../functions/operate/operations.ts';
import type { Run } from '../../functions/operate/runs/run.ts';

/** What is seen at each look; the console reads it, nothing here does, but for each store's age. */
export interface Look {
  readonly at: string;
  readonly source: { readonly changesPerSecond: number | undefined };
  readonly stores: readonly { readonly store: string; readonly freshnessSeconds: number | undefined }[];
}

export interface FeedOptions {
  look(): Promise<Look>;
  /** A store's runs, newest first. */
  runsOf(store: string): Promise<Reply<AnswerOf<'run.list'>>>;
  nudge(store: string): void;
}

export interface Feed {
  /** One page's events, until the signal is aborted. */
  open(signal: AbortSignal): ReadableStream<Uint8Array>;
  stop(): void;
}

const LOOK_EVERY_MS = 2000;
/** Looks of which a page that comes later still gets the curve: five minutes. */
const KEPT_LOOKS = 150;
/** Whoever was asked to go on with a run holds it within that. */
const NUDGE_EVERY_MS = 5000;

/** Events that wait for a slow page; each is a whole look, so the last one is what counts. */
const MAX_WAITING_EVENTS = 5;

type Listener = (event: string, data: unknown) => void;

/** Looks as long as somebody watches, once for all pages. */
export function consoleFeed(options: FeedOptions): Feed {
  const listeners = new Set<Listener>();
  const kept: object[] = [];
  const ended = new AbortController();
  let latest: object | undefined;
  let isLooking = false;

  async function lookOn(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    while (listeners.size > 0 && !ended.signal.aborted) {
      await tellOnce().catch(error => tell('trouble', { message: error instanceof Error ? error.message : 'unknown' }));
      await delay(LOOK_EVERY_MS, undefined, { signal: ended.signal }).catch(() => {});
    }
    isLooking = false;
  }

  const tell: Listener = (event, data) => {
    for (const listener of listeners) listener(event, data);
  };

  const runs = runViews(options);

  async function tellOnce(): Promise<void> {
    const overview = await options.look();
    const { at, source, stores } = overview;
    kept.push({
      at: Date.parse(at),
      changesPerSecond: source.changesPerSecond ?? null,
      freshnessSeconds: Object.fromEntries(
        stores.map(({ store, freshnessSeconds }) => [store, freshnessSeconds ?? null]),
      ),
    });
    if (kept.length > KEPT_LOOKS) kept.shift();
    const point = kept.at(-1);
    latest = { overview, point, runs: await runs.of(stores.map(({ store }) => store)) };
    tell('look', latest);
  }

  return {
    open(signal) {
      const encoder = new TextEncoder();
      let listener: Listener;
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          listener = (event, data) => {
            // A page that does not keep up goes without some looks.
            if ((controller.desiredSize ?? 0) < -MAX_WAITING_EVENTS) return;
            controller.enqueue(encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
          };
          listeners.add(listener);
          if (latest) listener('look', { ...latest, curve: kept });
        },
        cancel() {
          listeners.delete(listener);
        },
      });
      signal.addEventListener('abort', () => listeners.delete(listener), { once: true });
      void lookOn();
      return stream;
    },
    stop() {
      listeners.clear();
      ended.abort();
    },
  };
}

const SHOWN_RUNS = 8;
const SHOWN_FINDINGS = 50;
const findings = z.looseObject({ findings: z.array(z.json()) });

/** Every store's runs as pages show them; a run that nobody works on is nudged. */
function runViews({ runsOf, nudge }: FeedOptions) {
  const nudgedAt = new Map<string, number>();
  const known = new Map<string, readonly object[]>();

  async function runsOfStore(store: string): Promise<readonly object[]> {
    const reply = await runsOf(store);
    // The function is being started, or killed: what was seen last is still the best that is known.
    if (!reply.ok) throw new DistributaryError('run-refused', reply.error.message);
    const [current] = reply.answer;
    const isHeld = current?.lease && current.lease.until > Date.now();
    if (current?.state === 'running' && !isHeld && Date.now() - (nudgedAt.get(store) ?? 0) > NUDGE_EVERY_MS) {
      nudgedAt.set(store, Date.now());
      nudge(store);
    }
    return reply.answer.slice(0, SHOWN_RUNS).map(shown);
  }

  return {
    /** One after the other: the function has few instances, and those who act come first. */
    async of(stores: readonly string[]): Promise<Readonly<Record<string, readonly object[]>>> {
      for (const store of stores) {
        known.set(store, await runsOfStore(store).catch(() => known.get(store) ?? []));
      }
      return Object.fromEntries(known);
    },
  };
}

/** Without what its steps keep for themselves, which may be long. */
function shown({ memo: _memo, lease: _lease, request: _request, report, ...run }: Run): object {
  const found = findings.safeParse(report).data;
  return { ...run, report: found ? { ...found, findings: found.findings.slice(0, SHOWN_FINDINGS) } : report };
}

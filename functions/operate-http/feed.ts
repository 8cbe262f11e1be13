import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { DistributaryError } from '../../core/errors.ts';
import type { AnswerOf, Reply } from '../operate/operations.ts';
import type { Run } from '../operate/runs/run.ts';
import type { OperationsClient } from './operations-client.ts';

/** One look of the last minutes, as a point of each curve. */
export interface Point {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly changesPerSecond: number | null;
  readonly freshnessSeconds: Readonly<Record<string, number | null>>;
}

/** What is seen at each look; the console reads it, nothing here does, but for each store's age. */
export interface Look {
  readonly at: string;
  readonly source: { readonly changesPerSecond: number | undefined };
  readonly stores: readonly { readonly store: string; readonly freshnessSeconds: number | undefined }[];
  /** Where what was before is known without having looked. @default the looks of before */
  readonly curve?: readonly Point[] | undefined;
}

export interface FeedOptions {
  look(): Promise<Look>;
  readonly operations: OperationsClient;
}

export interface Feed {
  /** One page's events, until the signal is aborted. */
  open(signal: AbortSignal): ReadableStream<Uint8Array>;
  /**
   * What there is to say now, for who cannot hold a stream open: a browser asks again by itself after the time that it is
   * told. Each answer is whole, so there is nothing to go on from.
   */
  once(): Promise<string>;
  stop(): void;
}

const LOOK_EVERY_MS = 2000;
/** Between two answers to who asks again and again; within it all of them get the same one. */
const ASK_AGAIN_MS = 5000;
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
  const kept: Point[] = [];
  const ended = new AbortController();
  let latest: Seen | undefined;
  let isLooking = false;
  let told: { readonly at: number; readonly text: Promise<string> } | undefined;

  async function lookOn(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    while (listeners.size > 0 && !ended.signal.aborted) {
      await lookOnce().then(
        ({ curve: _, ...seen }) => tell('look', seen),
        error => tell('trouble', troubleOf(error)),
      );
      await delay(LOOK_EVERY_MS, undefined, { signal: ended.signal }).catch(() => {});
    }
    isLooking = false;
  }

  const tell: Listener = (event, data) => {
    for (const listener of listeners) listener(event, data);
  };

  const runs = runViews(options);

  async function lookOnce(): Promise<Seen> {
    const { curve, ...overview } = await options.look();
    const { at, source, stores } = overview;
    const point: Point = {
      at: Date.parse(at),
      changesPerSecond: source.changesPerSecond ?? null,
      freshnessSeconds: Object.fromEntries(
        stores.map(({ store, freshnessSeconds }) => [store, freshnessSeconds ?? null]),
      ),
    };
    kept.push(point);
    if (kept.length > KEPT_LOOKS) kept.shift();
    latest = { overview, point, runs: await runs.of(stores.map(({ store }) => store)), curve: curve ?? kept };
    return latest;
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
            controller.enqueue(encoder.encode(eventText(event, data)));
          };
          listeners.add(listener);
          if (latest) listener('look', latest);
        },
        cancel() {
          listeners.delete(listener);
        },
      });
      signal.addEventListener('abort', () => listeners.delete(listener), { once: true });
      void lookOn();
      return stream;
    },
    once() {
      if (told && Date.now() - told.at < ASK_AGAIN_MS) return told.text;
      const seen = lookOnce().then(
        look => eventText('look', look),
        error => eventText('trouble', troubleOf(error)),
      );
      told = { at: Date.now(), text: seen.then(text => `retry: ${ASK_AGAIN_MS}\n${text}`) };
      return told.text;
    },
    stop() {
      listeners.clear();
      ended.abort();
    },
  };
}

/** What pages are told of one look. */
interface Seen {
  readonly overview: object;
  readonly point: Point;
  readonly runs: Readonly<Record<string, readonly object[]>>;
  readonly curve: readonly Point[];
}

const troubleOf = (error: unknown) => ({ message: error instanceof Error ? error.message : 'unknown' });
const eventText = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

const SHOWN_RUNS = 8;
const LISTED = { api: 1, operation: 'run.list', actor: 'console', reason: 'the console is watched', limit: SHOWN_RUNS };
const SHOWN_FINDINGS = 50;
const findings = z.looseObject({ findings: z.array(z.json()) });

/** Every store's runs as pages show them; a run that nobody works on is nudged. */
function runViews({ operations }: FeedOptions) {
  const nudgedAt = new Map<string, number>();
  const known = new Map<string, readonly object[]>();

  async function runsOfStore(store: string): Promise<readonly object[]> {
    const reply = (await operations.ask({ ...LISTED, store })) as Reply<AnswerOf<'run.list'>>;
    // The function is being started, or killed: what was seen last is still the best that is known.
    if (!reply.ok) throw new DistributaryError('run-refused', reply.error.message);
    const [current] = reply.answer;
    const isHeld = current?.lease && current.lease.until > Date.now();
    if (current?.state === 'running' && !isHeld && Date.now() - (nudgedAt.get(store) ?? 0) > NUDGE_EVERY_MS) {
      nudgedAt.set(store, Date.now());
      await operations.nudge(store);
    }
    return reply.answer.map(shown);
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

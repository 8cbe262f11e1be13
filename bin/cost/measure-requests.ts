import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { Counts, Measured, MeasuredPart } from '../../core/prices.ts';
import type { MetricReading } from '../../local/runtime/metrics.ts';
import type { SteadyLoad, SteadyReport } from '../bench/load-process.ts';
import { openPipe, type Pipe } from '../bench/pipe.ts';
import type { Session } from '../command.ts';
import type { EngineOptions } from '../running/local-options.ts';
import { REQUESTS_FILE } from './cost-files.ts';

export interface MeasureOptions {
  /** Where contracts/ lies. */
  readonly root: string;
  readonly engines: EngineOptions;
  readonly seconds: number;
}

/** A change a transaction, so slowly that few share a pack: what a change costs at most. */
const CHANGES_PER_SECOND = 10;
/** Local mode keeps metrics for an hour; a measurement takes minutes. */
const METRICS_SECONDS = 3600;
/** Functions report what they asked for once a second. */
const REPORTED_MS = 2500;
/** The prefix of the local pipeline's names. */
const PREFIX = 'distributary-';

/** Counts what functions ask of AWS's services, idle and under changes, in a local mode of its own; writes contracts/requests.yaml. */
export async function measureRequests({ root, engines, seconds }: MeasureOptions, session: Session): Promise<Measured> {
  const { terminal, signal } = session;
  const pipe = await openPipe(engines, step => terminal.note(step), signal);
  try {
    terminal.note(`looking at an idle pipeline for ${seconds} s`);
    const before = await look(pipe);
    await delay(seconds * 1000, undefined, { signal });
    const idle = await look(pipe);
    const changes = CHANGES_PER_SECOND * seconds;
    terminal.note(`${changes} changes`);
    const { actor, load, mode } = pipe;
    const order: SteadyLoad = {
      ...{ kind: 'steady', endpoints: mode.endpoints, actor },
      ...{ changesPerSecond: CHANGES_PER_SECOND, warmUpSeconds: 0, seconds },
    };
    await load.ask<SteadyReport>(order);
    await pipe.settled();
    const after = await look(pipe);
    const measured: Measured = {
      measured_on: new Date().toISOString().slice(0, 10),
      command: `distributary cost --measure --seconds ${seconds} --search ${mode.endpoints.opensearch.kind}`,
      changes,
      changes_per_second: CHANGES_PER_SECOND,
      parts: partsOf(before, idle, after, changes),
    };
    writeFileSync(join(root, REQUESTS_FILE), HEADER + stringify(measured));
    return measured;
  } finally {
    await pipe.close();
  }
}

const HEADER = `# What the functions of the pipeline ask of AWS's services, counted in local mode. Written by the command named; what
# goes on while there are no changes (heartbeats, clocks) is taken off what a million changes ask for.
`;

/** Function → name → how many so far. */
interface Look {
  readonly at: number;
  readonly counts: Readonly<Record<string, Counts>>;
}

async function look({ mode }: Pipe): Promise<Look> {
  await delay(REPORTED_MS);
  const answer = await fetch(`${mode.endpoints.control}/metrics?seconds=${METRICS_SECONDS}`);
  const readings = (await answer.json()) as readonly MetricReading[];
  const counts: Record<string, Record<string, number>> = {};
  for (const { namespace, name, dimensions, sum } of readings) {
    const part = dimensions.FunctionName?.replace(PREFIX, '');
    const counted = COUNTED[`${namespace} ${name}`] ?? (namespace === 'local/requests' ? name : undefined);
    if (part === undefined || counted === undefined) continue;
    counts[part] = { ...counts[part], [counted]: sum };
  }
  return { at: Date.now(), counts };
}

const COUNTED: Readonly<Record<string, string>> = {
  'AWS/Lambda Invocations': 'lambda.invocations',
  'AWS/Lambda Duration': 'lambda.milliseconds',
};

/**
 * Pollers are Lambda's own on AWS, where they work otherwise (core/cost.ts reckons them from messages and starts), and what
 * is unsigned here is not asked of a service that bills by the request.
 */
const isBilled = (name: string): boolean =>
  !/^(unsigned\.|sqs\.(ReceiveMessage|DeleteMessageBatch|ChangeMessageVisibilityBatch)$)/.test(name);

const HOUR_MS = 3_600_000;
const MILLION = 1e6;

function partsOf(before: Look, idle: Look, after: Look, changes: number): Readonly<Record<string, MeasuredPart>> {
  const partOf = (name: string): MeasuredPart => {
    const at = (seen: Look, what: string) => seen.counts[name]?.[what] ?? 0;
    const perHour = (what: string) => ((at(idle, what) - at(before, what)) * HOUR_MS) / (idle.at - before.at);
    const perMillion = (what: string) => {
      const meanwhile = (perHour(what) * (after.at - idle.at)) / HOUR_MS;
      return (Math.max(0, at(after, what) - at(idle, what) - meanwhile) * MILLION) / changes;
    };
    const asked = Object.keys(after.counts[name]!).filter(isBilled).sort();
    return { million_changes: table(asked, perMillion), idle_hour: table(asked, perHour) };
  };
  const parts = Object.keys(after.counts).sort();
  return Object.fromEntries(parts.map(name => [name, partOf(name)] as const).filter(([, part]) => !isEmpty(part)));
}

/** Functions that ran at the start only. */
const isEmpty = ({ million_changes, idle_hour }: MeasuredPart): boolean =>
  Object.keys({ ...million_changes, ...idle_hour }).length === 0;

/** Three digits mean something; nothing is left out by being nothing. */
const table = (names: readonly string[], of: (name: string) => number): Counts =>
  Object.fromEntries(names.map(name => [name, Number(of(name).toPrecision(3))]).filter(([, value]) => value !== 0));

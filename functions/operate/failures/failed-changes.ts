import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import * as z from 'zod';
import type { Lane } from '../../../core/change.ts';
import { encodePack } from '../../../core/pack.ts';
import { inFlight } from '../../in-flight.ts';
import type { QueueNames } from './failed-queues.ts';

/** Why a message failed, in the attributes that the projector gave it (functions/projector/failed-queue.ts). */
export interface Failure {
  /** By which it can be chosen: the projector's name for this failure, else the queue's for the message. */
  readonly id: string;
  /** A message without attributes was moved by the queue itself: each delivery crashed or ran out of time. */
  readonly code: string;
  readonly reason: string;
  readonly hint: string;
  readonly change: string | undefined;
  readonly key: string | undefined;
  readonly failedAt: string | undefined;
  /** How it failed before it was sent back, oldest first. */
  readonly history: readonly FormerFailure[];
}

const formerSchema = z.object({ code: z.string(), failedAt: z.string() });
export type FormerFailure = z.infer<typeof formerSchema>;

/** Long enough to decide about every message of a large queue. */
const HELD_SECONDS = 600;
const BATCH = 10;
/** Bounds memory and time; a larger queue takes several calls. */
export const MAX_MESSAGES = 10_000;
/** After so many batches of what failed meanwhile nothing older is looked for: it may go on failing for ever. */
const NEW_BATCHES = 3;
const RELEASES_IN_FLIGHT = 10;
/** An attribute of our own on the event, which projectors pass over and keep. */
const HISTORY = 'failures';
const MAX_HISTORY = 10;

export interface Redriving {
  /** The failed queue, and those of the lanes. */
  readonly queues: QueueNames;
  /** When it begins, milliseconds since 1970: what fails later is kept, for it may be what was sent back. */
  readonly at: number;
  isChosen(failure: Failure): boolean;
  /** Hears of each that is kept. */
  onKept(failure: Failure): void;
}

/**
 * Takes each failed message in hand once, sends what is chosen back to its lane, and releases the others; says how many went
 * back. A message sent back counts as new: what still fails returns with its reason and its history, and is kept; what is
 * outdated falls out by version. Killed in between it may have sent one twice, which does no harm, and leaves the others to
 * return by themselves.
 */
export async function redrive(sqs: SQSClient, redriving: Redriving): Promise<number> {
  const { failed: from, ...lanes } = redriving.queues;
  const kept: Message[] = [];
  let sent = 0;
  const settle = async (message: Message) => {
    const failure = failureOf(message);
    if (failedAfter(redriving.at, message) || !redriving.isChosen(failure)) {
      kept.push(message);
      redriving.onKept(failure);
      return;
    }
    const { Body = '' } = message;
    await sqs.send(new SendMessageCommand({ QueueUrl: lanes[laneOf(Body)], MessageBody: withHistory(Body, failure) }));
    await sqs.send(new DeleteMessageCommand({ QueueUrl: from, ReceiptHandle: message.ReceiptHandle }));
    sent += 1;
  };
  try {
    let newBatches = 0;
    for (let batch = await receive(sqs, from); batch.length > 0; batch = await receive(sqs, from)) {
      await Promise.all(batch.map(settle));
      newBatches = batch.every(message => failedAfter(redriving.at, message)) ? newBatches + 1 : 0;
      if (newBatches === NEW_BATCHES || sent + kept.length >= MAX_MESSAGES) break;
    }
  } finally {
    await inFlight(kept, RELEASES_IN_FLIGHT, async ({ ReceiptHandle }) => {
      await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: from, ReceiptHandle, VisibilityTimeout: 0 }));
    });
  }
  return sent;
}

/** Sent since, to the failed queue or, where the queue moved it there itself, to its lane. */
function failedAfter(at: number, { Attributes, MessageAttributes }: Message): boolean {
  const sentAt = Attributes?.SentTimestamp ?? Date.parse(MessageAttributes?.failed_at?.StringValue ?? '');
  return Number(sentAt) > at;
}

async function receive(sqs: SQSClient, from: string): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: from,
      MaxNumberOfMessages: BATCH,
      VisibilityTimeout: HELD_SECONDS,
      WaitTimeSeconds: 1,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['SentTimestamp'],
    }),
  );
  return Messages;
}

function failureOf({ MessageAttributes = {}, MessageId = '', Body = '' }: Message): Failure {
  const read = (name: string): string | undefined => MessageAttributes[name]?.StringValue;
  return {
    id: read('failure_id') ?? MessageId,
    code: read('error_code') ?? 'receive-limit',
    reason: read('error_message') ?? 'each delivery crashed the function or ran out of time',
    hint: read('hint') ?? "read the function's log",
    change: read('change'),
    key: read('key'),
    failedAt: read('failed_at'),
    history: historyOf(eventsOf(Body)?.[0]),
  };
}

/** The body as it was, with one more failure noted on each of its events; what is no pack stays as it is. */
function withHistory(body: string, { code, failedAt = new Date().toISOString() }: Failure): string {
  const events = eventsOf(body);
  if (!events) return body;
  const noted = events.map(event => {
    const history = [...historyOf(event), { code, failedAt }].slice(-MAX_HISTORY);
    return JSON.stringify({ ...event, [HISTORY]: JSON.stringify(history) });
  });
  return encodePack(noted);
}

/** All events of a pack are of one; what is no pack is no more urgent than anything else. */
const laneOf = (body: string): Lane => (eventsOf(body)?.[0]?.lane === 'priority' ? 'priority' : 'standard');

const packSchema = z.array(z.looseObject({ specversion: z.string() })).min(1);
type Event = z.infer<typeof packSchema>[number];

function eventsOf(body: string): readonly Event[] | undefined {
  try {
    return packSchema.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}

function historyOf(event: Event | undefined): readonly FormerFailure[] {
  try {
    return z.array(formerSchema).parse(JSON.parse(String(event?.[HISTORY] ?? '[]')));
  } catch {
    return []; // Somebody else's attribute of that name.
  }
}

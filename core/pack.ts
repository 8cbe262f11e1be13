import * as z from 'zod';
import { type Change, changeSchema, type Heartbeat, heartbeatSchema, type Lane } from './change.ts';
import { DistributaryError } from './errors.ts';
import type { AggregateId, TenantId, Version } from './version.ts';

/**
 * On the wire a pack is a CloudEvents 1.0 JSON batch (https://github.com/cloudevents/spec, JSON format §4): one array,
 * one aggregate and one lane. SQS bills 64 kB as one request; SNS adds its attributes to the same budget.
 */
export const MAX_PACK_BYTES = 60_000;
/** A state above this travels by reference, so that a pack with one event always fits an SNS message of 256 kB. */
export const MAX_INLINE_STATE_BYTES = 180_000;
/** A state above this is no row of an operational store any more: the relay parks it with an error. */
export const MAX_STATE_BYTES = 16_000_000;

const SOURCE = '/distributary/canonical';
const SCHEMA_PREFIX = 'urn:distributary:';
const HEARTBEAT_TYPE = 'distributary.heartbeat';
/** What a heartbeat has in the message attribute `aggregate`; every subscription lets it through. */
export const HEARTBEAT_AGGREGATE = 'heartbeat';

/** What the relay knows of a change; the state stays the text that the database made. */
export interface ChangeHeader {
  readonly aggregate: string;
  readonly change: string;
  readonly key: AggregateId;
  readonly tenant: TenantId;
  readonly version: Version;
  readonly digest: number;
  readonly lane: Lane;
  readonly schemaVersion: number;
  readonly committedAt: number;
  readonly traceparent?: string | undefined;
}

export type Content = { readonly state: string } | { readonly dataref: string } | { readonly deleted: true };

/** One event's JSON text. Built by hand so that a state is never parsed on its way: that is most of a relay's work. */
export function encodeChange(header: ChangeHeader, content: Content): string {
  const { key, version } = header;
  const time = timeText(header.committedAt);
  let event =
    `{"specversion":"1.0","id":"${version}@${key}","source":"${SOURCE}","type":"${header.aggregate}.${header.change}"` +
    `,"subject":"${key}","time":"${time}","dataschema":"${SCHEMA_PREFIX}${header.aggregate}:${header.schemaVersion}"` +
    `,"sequence":"${version}","tenant":"${header.tenant}","lane":"${header.lane}","digest":"${header.digest}"`;
  if (header.traceparent !== undefined) event += `,"traceparent":${JSON.stringify(header.traceparent)}`;
  if ('deleted' in content) return `${event},"deleted":true}`;
  if ('dataref' in content) return `${event},"dataref":${JSON.stringify(content.dataref)}}`;
  return `${event},"datacontenttype":"application/json","data":${content.state}}`;
}

let lastTime = { at: Number.NaN, text: '' };

/** Changes of a busy moment share their millisecond; wording it would be a tenth of a relay's work. */
function timeText(at: number): string {
  if (at !== lastTime.at) lastTime = { at, text: new Date(at).toISOString() };
  return lastTime.text;
}

export function encodeHeartbeat({ lane, committedAt }: Heartbeat): string {
  const time = new Date(committedAt).toISOString();
  return `[{"specversion":"1.0","id":"${lane}@${time}","source":"${SOURCE}","type":"${HEARTBEAT_TYPE}","time":"${time}","lane":"${lane}"}]`;
}

export const encodePack = (events: readonly string[]): string => `[${events.join(',')}]`;

/** One event of a pack: understood, or set apart with its error and its text, so that the rest of the pack lands. */
export type Unpacked =
  | { readonly kind: 'change'; readonly change: Change; readonly event: unknown }
  | { readonly kind: 'heartbeat'; readonly heartbeat: Heartbeat }
  | { readonly kind: 'malformed'; readonly error: DistributaryError; readonly event: unknown };

const envelope = z.looseObject({
  specversion: z.literal('1.0'),
  id: z.string(),
  type: z.string(),
  time: z.iso.datetime().transform(text => Date.parse(text)),
  lane: z.string(),
});

const integer = z
  .string()
  .regex(/^\d{1,16}$/, 'is no integer')
  .transform(Number);

const changeEvent = envelope
  .extend({
    subject: z.string(),
    dataschema: z.string(),
    sequence: integer,
    digest: integer,
    tenant: z.string(),
    traceparent: z.string().optional(),
    deleted: z.literal(true).optional(),
    dataref: z.string().optional(),
    data: z.unknown().optional(),
  })
  // Keys never move: one that was changed on the way would leave its old document behind.
  .refine(({ id, sequence, subject }) => id === `${sequence}@${subject}`, {
    path: ['id'],
    message: 'is of another key or version than subject and sequence',
  });

/** Reads a queue message. Throws `pack-malformed` when it is no CloudEvents batch at all. */
export function decodePack(body: string): readonly Unpacked[] {
  let batch: unknown;
  try {
    batch = JSON.parse(body);
  } catch (cause) {
    throw new DistributaryError('pack-malformed', `message of ${body.length} characters is no JSON`, { cause });
  }
  if (!Array.isArray(batch)) throw new DistributaryError('pack-malformed', `message is JSON but no array`);
  return batch.map(decodeEvent);
}

function decodeEvent(event: unknown): Unpacked {
  try {
    const { type } = envelope.parse(event);
    return type === HEARTBEAT_TYPE ? decodeHeartbeat(event) : { kind: 'change', change: decodeChange(event), event };
  } catch (cause) {
    return { kind: 'malformed', error: malformed(cause), event };
  }
}

function decodeHeartbeat(event: unknown): Unpacked {
  const { lane, time } = envelope.parse(event);
  return { kind: 'heartbeat', heartbeat: heartbeatSchema.parse({ kind: 'heartbeat', lane, committedAt: time }) };
}

function decodeChange(event: unknown): Change {
  const { type, subject, dataschema, sequence, time, deleted, dataref, data, ...rest } = changeEvent.parse(event);
  const dot = type.indexOf('.');
  const header = {
    id: rest.id,
    aggregate: type.slice(0, dot),
    change: type.slice(dot + 1),
    key: subject,
    tenant: rest.tenant,
    version: sequence,
    digest: rest.digest,
    lane: rest.lane,
    schemaVersion: Number(dataschema.slice(dataschema.lastIndexOf(':') + 1)),
    committedAt: time,
    ...(rest.traceparent === undefined ? {} : { traceparent: rest.traceparent }),
  };
  if (deleted) return changeSchema.parse({ kind: 'deleted', ...header });
  if (dataref !== undefined) return changeSchema.parse({ kind: 'parked', ...header, dataref });
  return changeSchema.parse({ kind: 'state', ...header, state: data });
}

/** Names the attributes that are wrong and how, never their values: a state may be among them. */
function malformed(cause: unknown): DistributaryError {
  const issues = cause instanceof z.ZodError ? cause.issues : [];
  const what = issues.map(issue => `${issue.path.join('.') || 'event'}: ${issue.message}`).join('; ');
  return new DistributaryError('change-malformed', what || 'event is not understood', { cause });
}

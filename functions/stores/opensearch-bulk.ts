import { setImmediate } from 'node:timers/promises';
import { DistributaryError } from '../../core/errors.ts';
import { APPLIED, type Outcome, STALE, type Target, type Write } from '../../core/store.ts';
import { ask, type Complaint, type OpenSearch } from './opensearch-client.ts';
import { takeUpFields } from './opensearch-fields.ts';
import { encodeDocument, type Mappings, writesTo } from './opensearch-index.ts';

/** Half of the smallest request that an AWS domain may be limited to (10 MiB). */
export const MAX_DOCUMENT_BYTES = 5 * 1024 * 1024;
/** A request is closed at this size; with the document that crosses it, it stays below that limit. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/** Two requests side by side are some 25% faster than one (measured on two cores); three are no faster than two. */
const REQUESTS_AT_ONCE = 2;
/** Fewer writes go in one request: each request costs OpenSearch an fsync. */
const WORTH_DIVIDING_WRITES = 200;

/** Where writes go. */
export interface BulkTarget {
  readonly client: OpenSearch;
  readonly target: Target;
  /** As the index would be made now; the one that is there may be older. */
  readonly mappings: Mappings;
}

/** One write, serialised, and where its outcome goes. */
interface Line {
  readonly write: Write;
  readonly index: number;
  readonly text: string;
  readonly bytes: number;
}

interface BulkItem {
  readonly index: { readonly status: number; readonly error?: Complaint };
}

/** The writes as `_bulk` requests with external versions: a version conflict is `stale`. */
export async function writeInBulk(into: BulkTarget, writes: readonly Write[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  /** Once a request finds the store down the others are not sent: each might wait for its own timeout. */
  let down: Outcome | undefined;
  const sender = async (from: number, to: number) => {
    if (from > 0) await setImmediate(); // Lets the first request leave before the next is made.
    for (const request of requestsOf(writes, from, to, outcomes)) {
      const answers = down ? request.map(() => down!) : await postGrowing(into, request);
      down ??= answers.every(({ kind }) => kind === 'unavailable') ? answers[0] : undefined;
      for (const [at, { index }] of request.entries()) outcomes[index] = answers[at]!;
    }
  };
  const share = writes.length < WORTH_DIVIDING_WRITES ? writes.length : Math.ceil(writes.length / REQUESTS_AT_ONCE);
  const senders: Promise<void>[] = [];
  for (let from = 0; from < writes.length; from += share)
    senders.push(sender(from, Math.min(from + share, writes.length)));
  await Promise.all(senders);
  return outcomes;
}

/** Serialises as requests are sent, so that little is in memory at once. What is too large gets its outcome here. */
function* requestsOf(writes: readonly Write[], from: number, to: number, outcomes: Outcome[]): Generator<Line[]> {
  let request: Line[] = [];
  let bytes = 0;
  for (let index = from; index < to; index++) {
    const line = encode(writes[index]!, index);
    if ('kind' in line) outcomes[index] = line;
    else {
      request.push(line);
      bytes += line.bytes;
    }
    if (bytes >= MAX_REQUEST_BYTES) {
      yield request;
      request = [];
      bytes = 0;
    }
  }
  if (request.length > 0) yield request;
}

function encode(write: Write, index: number): Line | Outcome {
  const json = JSON.stringify(write.document);
  const size = Buffer.byteLength(json);
  if (size > MAX_DOCUMENT_BYTES) return tooLarge(write, `has ${size} bytes, the store takes ${MAX_DOCUMENT_BYTES}`);
  const action = `{"index":{"_id":"${write.key}","version":${write.version},"version_type":"external"}}`;
  const text = `${action}\n${encodeDocument(write, json)}\n`;
  return { write, index, text, bytes: Buffer.byteLength(text) };
}

/**
 * Sends one request. A target that was made before its contract gained a field takes the field up, and what was refused
 * for it goes once more: in whatever order one deploys, rebuilds or goes back, no change fails for an older target.
 */
async function postGrowing(into: BulkTarget, lines: readonly Line[]): Promise<readonly Outcome[]> {
  const early: Line[] = [];
  const outcomes = await post(into, lines, early);
  if (early.length === 0) return outcomes;
  const again = await postGrown(into, early);
  const later = new Map(early.map((line, at) => [line, again[at]!]));
  return outcomes.map((outcome, at) => later.get(lines[at]!) ?? outcome);
}

async function postGrown(into: BulkTarget, lines: readonly Line[]): Promise<readonly Outcome[]> {
  try {
    await takeUpFields(into.client, into.target, into.mappings);
  } catch (error) {
    if (!(error instanceof DistributaryError)) throw error;
    // An index that takes no more fields refuses the documents again: repeating helps neither.
    if (error.retry === 'later') return lines.map(() => ({ kind: 'unavailable', error }));
  }
  return post(into, lines, []);
}

/**
 * One that a domain or a proxy finds too large goes in halves, down to the document that is. `early` gets the lines that
 * were refused for a field of the contract that the index lacks.
 */
async function post(into: BulkTarget, lines: readonly Line[], early: Line[]): Promise<readonly Outcome[]> {
  try {
    const { status, body } = await ask<{ items: readonly BulkItem[] }>(into.client, {
      method: 'POST',
      path: `/${writesTo(into.target.name)}/_bulk`,
      query: { require_alias: true, filter_path: 'items.*.status,items.*.error.type,items.*.error.reason' },
      lines: lines.map(({ text }) => text).join(''),
      expect: [413],
    });
    if (status < 300) {
      early.push(...lines.filter((_, at) => isEarly(body.items[at]!.index, into.mappings)));
      return body.items.map((item, at) => outcomeOf(lines[at]!, into.target, item.index));
    }
    if (lines.length === 1) return [tooLarge(lines[0]!.write, `is refused with ${lines[0]!.bytes} bytes`)];
    const middle = lines.length >> 1;
    const first = await post(into, lines.slice(0, middle), early);
    return [...first, ...(await post(into, lines.slice(middle), early))];
  } catch (error) {
    if (!(error instanceof DistributaryError)) throw error;
    return lines.map(() => ({ kind: 'unavailable', error }));
  }
}

function isEarly({ error }: BulkItem['index'], { properties }: Mappings): boolean {
  if (error?.type !== 'strict_dynamic_mapping_exception') return false;
  return Object.hasOwn(properties, fieldIn(error.reason ?? '') ?? '');
}

function outcomeOf({ write }: Line, { name }: Target, { status, error }: BulkItem['index']): Outcome {
  if (status < 300) return APPLIED;
  if (status === 409) return STALE;
  const what = `OpenSearch answered ${status} ${error?.type ?? ''} for document ${write.key} of ${name}`;
  if (status === 404) return { kind: 'unavailable', error: new DistributaryError('target-missing', what) };
  if (status === 400 && error?.type !== 'index_closed_exception') {
    const field = fieldIn(error?.reason ?? '');
    const message = field === undefined ? what : `${what}: field ${field}`;
    return { kind: 'refused', error: new DistributaryError('document-refused', message) };
  }
  return { kind: 'unavailable', error: new DistributaryError('store-unavailable', what) };
}

/** The reason quotes the value, which may be personal; of it only the field's name is kept. */
const fieldIn = (reason: string): string | undefined =>
  /^(?:failed to parse field |mapping set to strict, dynamic introduction of )\[([^\]]+)\]/.exec(reason)?.[1] ??
  /immense term in field="([^"]+)"/.exec(reason)?.[1];

const tooLarge = ({ key }: Write, what: string): Outcome => ({
  kind: 'refused',
  error: new DistributaryError('document-too-large', `document ${key} ${what}`),
});

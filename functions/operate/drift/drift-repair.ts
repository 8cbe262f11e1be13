import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { DistributaryError } from '../../../core/errors.ts';
import { encodeChange, encodePack, MAX_INLINE_STATE_BYTES, MAX_PACK_BYTES } from '../../../core/pack.ts';
import type { AggregateId, Version } from '../../../core/version.ts';
import type { OperateContext, OperatedStore } from '../context.ts';
import type { DriftCanonical, Republished } from './drift-canonical.ts';
import type { Finding } from './drift-memo.ts';

/** SQS takes ten messages in one request, of 1 MiB together. */
const MAX_BATCH_BYTES = 1_000_000;
const MAX_BATCH_MESSAGES = 10;
/** States in memory at once. */
const STATES_AT_ONCE = 100;

/**
 * Publishes what was found again, to this store's own queue: the projector writes it if it is newer than what is there, as
 * it does with any change, so that live changes may come before, between and after; no other store hears of it, and what
 * cannot be projected becomes a dead letter with its reason. Only where two states have one version does the aggregate get
 * a new one, which every store then hears of, for write-if-newer would not take the right state for the wrong one.
 */
export async function publishRepairs(
  { queues, clock }: Pick<OperateContext, 'queues' | 'clock'>,
  { name, definition }: OperatedStore,
  canonical: DriftCanonical,
  findings: readonly Finding[],
): Promise<void> {
  const keysOf = (remedy: Finding['remedy']) => findings.filter(one => one.remedy === remedy).map(({ key }) => key);
  const { standard, priority } = await queues.of(name);
  const send = (events: readonly string[]) => sendEvents(queues.sqs, standard, events);

  // As every deletion: what must not be shown any more waits for no backlog.
  await sendEvents(queues.sqs, priority, burials(definition.contract.aggregates[0]!, findings, clock.now()));
  const large: AggregateId[] = [];
  for (const keys of chunks(keysOf('publish'), STATES_AT_ONCE)) {
    const states = await canonical.states(keys);
    const [fitting, oversized] = [states.filter(fits), states.filter(state => !fits(state))];
    await send(fitting.map(({ header, state }) => encodeChange(header, { state })));
    // Only the relay can park a state that no message holds.
    large.push(...oversized.map(({ header }) => header.key));
  }
  await canonical.renew([...keysOf('renew'), ...large]);
}

const fits = ({ state }: Republished): boolean => Buffer.byteLength(state) <= MAX_INLINE_STATE_BYTES;

/** Of what was never known, any aggregate's deletion will do: no projector is asked about one. */
const burials = (aggregate: string, findings: readonly Finding[], committedAt: number): readonly string[] =>
  findings.flatMap(({ key, held, buriedBy }) => {
    if (buriedBy === null || held === null) return [];
    const header = {
      aggregate,
      change: 'deleted',
      key,
      tenant: held.tenant,
      version: buriedBy as Version,
      digest: 0,
      lane: 'priority' as const,
      schemaVersion: 1,
      committedAt,
    };
    return [encodeChange(header, { deleted: true })];
  });

async function sendEvents(
  sqs: OperateContext['queues']['sqs'],
  queueUrl: string,
  events: readonly string[],
): Promise<void> {
  const packs = gather(events, MAX_PACK_BYTES).map(encodePack);
  for (const batch of gather(packs, MAX_BATCH_BYTES, MAX_BATCH_MESSAGES)) {
    const Entries = batch.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
    const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    if (Failed.length === 0) continue;
    const what = `queue ${queueUrl} refused ${Failed.length} of ${Entries.length} messages: ${Failed[0]?.Code}`;
    throw new DistributaryError('publish-failed', what);
  }
}

/** Texts in groups of at most so many bytes, unless one alone has more, and so many texts. */
function gather(texts: readonly string[], maxBytes: number, maxTexts = Number.POSITIVE_INFINITY): string[][] {
  const groups: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const text of texts) {
    const size = Buffer.byteLength(text);
    if (bytes + size > maxBytes || groups.at(-1)!.length >= maxTexts) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)!.push(text);
    bytes += size;
  }
  return groups;
}

export function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  const all: Item[][] = [];
  for (let at = 0; at < items.length; at += size) all.push(items.slice(at, at + size));
  return all;
}

import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { LANES } from '../../../core/change.ts';
import type { QueueFacts, SealedFacts, StoreFacts } from '../../../core/doctor.ts';
import { DistributaryError } from '../../../core/errors.ts';
import { isProtected, type ProtectedStore } from '../../stores/protected.ts';
import type { OperateContext, OperatedStore } from '../context.ts';

/** Everything about a store; what does not answer is part of what is found. */
export async function examineStore(context: OperateContext, operated: OperatedStore): Promise<StoreFacts> {
  const { name, store, definition } = operated;
  const { freshness_contract, delivery } = definition.contract;
  const silent: string[] = [];
  const ask = <T>(question: () => Promise<T>): Promise<T | undefined> => orSilence(question, silent);
  const targets = await ask(() => context.control.readTargets(name));
  const target = targets?.current;
  const readersSee = await ask(() => store.current());
  const concerns = target && (await ask(() => store.inspect(target)));
  const watermarks = await ask(() => context.control.watermarksOf(name));
  const queues = (await ask(() => queueFacts(context, name))) ?? { facts: [], failed: 0 };
  const run = await ask(() => context.runs.read(name));
  const sealed = isProtected(store) ? await sealedFacts(store) : undefined;
  const oldest = Math.min(...LANES.map(lane => watermarks?.[lane] ?? Number.NEGATIVE_INFINITY));
  return {
    store: name,
    target: target?.name,
    readersSee: readersSee?.name,
    concerns: concerns ?? [],
    silent,
    watermarkAgeSeconds: Number.isFinite(oldest) ? Math.max(0, (context.clock.now() - oldest) / 1000) : undefined,
    maximumSeconds: freshness_contract.maximum_before_alert,
    failed: queues.failed,
    queues: queues.facts,
    functionSeconds: delivery.timeout,
    failedRun: run?.state === 'failed' ? `${run.operation} has failed: ${run.error?.message ?? run.step}` : undefined,
    sealed,
  };
}

async function sealedFacts({ sealed }: ProtectedStore): Promise<SealedFacts> {
  const { fields, key } = sealed;
  try {
    await sealed.probe();
    return { fields, key, defect: undefined };
  } catch (error) {
    if (!(error instanceof DistributaryError)) throw error;
    return { fields, key, defect: error.message };
  }
}

async function orSilence<T>(question: () => Promise<T>, silent: string[]): Promise<T | undefined> {
  try {
    return await question();
  } catch (error) {
    if (!(error instanceof DistributaryError)) throw error;
    if (!silent.includes(error.message)) silent.push(error.message);
    return undefined;
  }
}

async function queueFacts({ queues }: OperateContext, store: string): Promise<{ facts: QueueFacts[]; failed: number }> {
  const urls = await queues.of(store);
  const facts: QueueFacts[] = [];
  let failed = 0;
  for (const role of ['standard', 'failed'] as const) {
    const attributes = await attributesOf(queues.sqs, urls[role]);
    facts.push({
      name: urls[role].slice(urls[role].lastIndexOf('/') + 1),
      role,
      visibilitySeconds: Number(attributes.VisibilityTimeout),
      retentionSeconds: Number(attributes.MessageRetentionPeriod),
      redrivesTo: redriveOf(attributes.RedrivePolicy),
    });
    if (role === 'failed') failed = Number(attributes.ApproximateNumberOfMessages ?? 0);
  }
  return { facts, failed };
}

async function attributesOf(
  sqs: OperateContext['queues']['sqs'],
  QueueUrl: string,
): Promise<Readonly<Record<string, string>>> {
  try {
    const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] });
    return (await sqs.send(command)).Attributes ?? {};
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new DistributaryError('store-unavailable', `queue ${QueueUrl} did not answer: ${said}`, { cause });
  }
}

function redriveOf(policy: string | undefined): string | undefined {
  if (policy === undefined) return undefined;
  const { deadLetterTargetArn } = JSON.parse(policy) as { deadLetterTargetArn?: string };
  return deadLetterTargetArn?.slice(deadLetterTargetArn.lastIndexOf(':') + 1);
}

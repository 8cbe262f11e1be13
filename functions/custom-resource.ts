import type { CloudFormationCustomResourceEvent, Context } from 'aws-lambda';
import { DistributaryError } from '../core/errors.ts';

/** What a step did: the resource's name, kept through its updates, and values that the template may read of it. */
export interface StepResult {
  /** @default the one it had, or one made from its logical id */
  readonly PhysicalResourceId?: string;
  readonly Data?: Readonly<Record<string, string>>;
}

/** Creates, updates or deletes; may be called again for what is done already. Throws what the deployment shall show. */
export type OnEvent = (event: CloudFormationCustomResourceEvent, context: Context) => Promise<StepResult | undefined>;

/** A creation that failed leaves a resource of this name, which CloudFormation then deletes. */
const NOT_CREATED = 'not-created';
/** Before its end the function still answers: CloudFormation would wait for an hour otherwise. */
const ANSWER_MS = 3_000;
/** CloudFormation takes 4 kB of answer. */
const MAX_REASON_CHARACTERS = 1_500;

/**
 * A function behind a custom resource, as CloudFormation itself calls it: whatever becomes of the step, the address in the
 * event is told (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html). No framework in between.
 */
export const customResource =
  (onEvent: OnEvent) =>
  async (event: CloudFormationCustomResourceEvent, context: Context): Promise<void> => {
    await answer(event, await outcomeOf(onEvent, event, context));
  };

async function outcomeOf(onEvent: OnEvent, event: CloudFormationCustomResourceEvent, context: Context) {
  const known = 'PhysicalResourceId' in event ? event.PhysicalResourceId : undefined;
  try {
    const result = known === NOT_CREATED ? undefined : await beforeTheEnd(onEvent(event, context), context);
    const PhysicalResourceId = result?.PhysicalResourceId ?? known ?? `${event.StackId}/${event.LogicalResourceId}`;
    return { Status: 'SUCCESS', PhysicalResourceId, ...(result?.Data && { Data: result.Data }) };
  } catch (error) {
    console.error(error);
    const Reason = `${reasonOf(error)} (log stream ${context.logStreamName})`;
    return { Status: 'FAILED', PhysicalResourceId: known ?? NOT_CREATED, Reason };
  }
}

async function beforeTheEnd<T>(step: Promise<T>, context: Context): Promise<T> {
  const tooLate = Promise.withResolvers<never>();
  const milliseconds = Math.max(0, context.getRemainingTimeInMillis() - ANSWER_MS);
  const timer = setTimeout(() => tooLate.reject(new Error(`not done after ${milliseconds} ms`)), milliseconds);
  try {
    return await Promise.race([step, tooLate.promise]);
  } finally {
    clearTimeout(timer);
  }
}

const reasonOf = (error: unknown): string =>
  (error instanceof DistributaryError ? error.describe() : String(error)).slice(0, MAX_REASON_CHARACTERS);

async function answer(event: CloudFormationCustomResourceEvent, content: object): Promise<void> {
  const { StackId, RequestId, LogicalResourceId } = event;
  const body = JSON.stringify({ StackId, RequestId, LogicalResourceId, ...content });
  // The address is signed for a request without a content type.
  const response = await fetch(event.ResponseURL, { method: 'PUT', body, headers: { 'content-type': '' } });
  if (!response.ok) throw new Error(`CloudFormation refused the answer: ${response.status}`);
}

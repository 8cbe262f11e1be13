import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { DistributaryError } from '../core/errors.ts';
import type { DataFolder } from './data-folder.ts';
import type { ControlServer } from './runtime/control-server.ts';
import type { LocalFunction } from './runtime/function.ts';
import type { Outcome } from './runtime/instance.ts';
import type { CustomResource } from './template/compute.ts';
import { ACCOUNT, REGION } from './template/intrinsics.ts';

const STATE_FILE = 'provisioned.json';
const stateSchema = z.record(
  z.string(),
  z.object({ properties: z.string(), surroundings: z.string(), physicalId: z.string() }),
);

/** What a custom resource's function answers to CloudFormation. */
const answerSchema = z.object({
  Status: z.enum(['SUCCESS', 'FAILED']),
  PhysicalResourceId: z.string(),
  Reason: z.string().optional(),
});

/** The function answers before it ends; this is for the way. */
const ANSWER_WITHIN_MS = 1_000;
/** A busy function has its longest step in hand. */
const TURN_WITHIN_MS = 60_000;
const TURN_EVERY_MS = 20;

/** Does for custom resources what CloudFormation does: tells their functions to create or update, when something changed. */
export class CustomResources {
  readonly #data: DataFolder;
  readonly #control: ControlServer;
  readonly #state: z.infer<typeof stateSchema>;

  constructor(data: DataFolder, control: ControlServer) {
    this.#data = data;
    this.#control = control;
    this.#state = data.read(STATE_FILE, stateSchema) ?? {};
  }

  /**
   * `surroundings` names the engines that the resource is made in: another one than last time knows nothing of it, and makes
   * it `new` again.
   */
  async apply(resource: CustomResource, target: LocalFunction, surroundings: string): Promise<'new' | 'known'> {
    const before = this.#state[resource.id];
    const properties = createHash('sha256').update(JSON.stringify(resource.properties)).digest('hex');
    const isNew = before?.surroundings !== surroundings;
    if (isNew || before.properties !== properties) {
      const physicalId = await this.#tell(resource, target, before?.physicalId);
      this.#state[resource.id] = { properties, surroundings, physicalId };
    }
    return isNew ? 'new' : 'known';
  }

  /** What was applied is not applied again. Until then a start that fails does it once more. */
  remember(): void {
    this.#data.write(STATE_FILE, this.#state);
  }

  /** Yields the physical id that the function answered. */
  async #tell(resource: CustomResource, target: LocalFunction, physicalId: string | undefined): Promise<string> {
    const { url, answer } = this.#control.expect();
    const { stack, type, logicalId, properties } = resource;
    const failed = (reason: string) =>
      new DistributaryError('provisioning-failed', `${target.model.name}: ${reason}`, {
        hint: `read ${target.status().log}`,
      });
    const outcome = await inTurn(target, {
      RequestType: physicalId === undefined ? 'Create' : 'Update',
      ResponseURL: url,
      StackId: `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${stack}/local`,
      RequestId: randomUUID(),
      ResourceType: type,
      LogicalResourceId: logicalId,
      ServiceToken: target.model.arn,
      ResourceProperties: { ServiceToken: target.model.arn, ...properties },
      ...(physicalId !== undefined && { PhysicalResourceId: physicalId, OldResourceProperties: {} }),
    });
    if (outcome === 'throttled') throw failed('it is busy');
    if ('error' in outcome) throw failed(outcome.error.errorMessage);
    const answered = answerSchema.safeParse(await Promise.race([answer, delay(ANSWER_WITHIN_MS)]));
    if (!answered.success) throw failed('it did not answer as CloudFormation asks');
    const { Status, Reason, PhysicalResourceId } = answered.data;
    if (Status === 'FAILED') throw failed(Reason ?? 'it gave no reason');
    return PhysicalResourceId;
  }
}

/** Several stacks may have a step for one function at once: CloudFormation calls again what is busy. */
async function inTurn(target: LocalFunction, event: object): Promise<Outcome | 'throttled'> {
  for (const deadline = Date.now() + TURN_WITHIN_MS; ; await delay(TURN_EVERY_MS)) {
    const outcome = await target.invoke(event);
    if (outcome !== 'throttled' || Date.now() > deadline) return outcome;
  }
}

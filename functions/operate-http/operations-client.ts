import { InvocationType, InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { JsonObject } from '../../core/change.ts';
import { DistributaryError } from '../../core/errors.ts';
import type { Reply } from '../operate/operations.ts';

/** The operations function, as the console asks it. */
export interface OperationsClient {
  /** Whatever goes wrong is a refusal as the function's own are. */
  ask(request: JsonObject): Promise<Reply<unknown>>;
  /** Has a store's run gone on with, and does not wait for that; who is not heard has the next minute's schedule. */
  nudge(store: string): Promise<void>;
}

export interface OperationsClientOptions {
  readonly lambda: LambdaClient;
  /** Name of the function that has the store in its hands. */
  functionFor(store: unknown): string;
}

const NUDGE = { api: 1, operation: 'runs.advance', actor: 'console', reason: 'the console is watched' };

export function operationsClient({ lambda, functionFor }: OperationsClientOptions): OperationsClient {
  const invoke = (request: JsonObject, InvocationType: InvocationType) =>
    lambda.send(
      new InvokeCommand({
        FunctionName: functionFor(request.store),
        InvocationType,
        Payload: Buffer.from(JSON.stringify(request)),
      }),
    );
  return {
    async ask(request) {
      try {
        const { Payload, FunctionError } = await invoke(request, InvocationType.RequestResponse);
        if (FunctionError !== undefined) return unavailable('has failed');
        return JSON.parse(Buffer.from(Payload ?? []).toString()) as Reply<unknown>;
      } catch (error) {
        const isBusy = error instanceof Error && error.name === 'TooManyRequestsException';
        return unavailable(isBusy ? 'is busy' : 'does not answer');
      }
    },
    async nudge(store) {
      await invoke({ ...NUDGE, store }, InvocationType.Event).catch(() => {});
    },
  };
}

function unavailable(what: string): Reply<never> {
  const { code, message, hint } = new DistributaryError('store-unavailable', `the operations function ${what}`, {
    hint: "try again in a moment; else read the function's log",
  });
  return { ok: false, error: { code, message, hint } };
}

import { InvocationType, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DistributaryError, type ErrorCode, errorTable } from '../core/errors.ts';
import type { AnswerOf, FieldsOf, OperationName, Reply } from '../functions/operate/operations.ts';
import type { Endpoints } from '../local/endpoints.ts';

/** Who asks, and why: it goes into the audit log. */
export interface Asking {
  readonly actor: string;
  readonly reason: string;
}

/** The operations function, as a client asks it. Throws the DistributaryErrors that it answers. */
export interface Operations {
  ask<Name extends OperationName>(operation: Name, fields: FieldsOf<Name>): Promise<AnswerOf<Name>>;
  /** Has a store's run gone on with, and does not wait for it. */
  nudge(store: string): Promise<void>;
  close(): void;
}

/** Version of the requests of functions/operate/operation.ts. */
const API_VERSION = 1;
/** An answer of `runs.advance` is never waited for; the others take seconds. */
const REQUEST_TIMEOUT_MS = 60_000;
const MAX_ATTEMPTS = 5;

/** `lambda` says where to; by default as the AWS SDK finds it. */
export function openOperations(lambda: LambdaClient, functionName: string, asking: Asking): Operations {
  const invoke = (operation: OperationName, fields: object, InvocationType: InvocationType) => {
    const request = { api: API_VERSION, operation, ...asking, ...fields };
    const Payload = Buffer.from(JSON.stringify(request));
    return lambda.send(new InvokeCommand({ FunctionName: functionName, InvocationType, Payload }));
  };
  return {
    async ask<Name extends OperationName>(operation: Name, fields: FieldsOf<Name>) {
      const { Payload, FunctionError } = await invoke(operation, fields, InvocationType.RequestResponse);
      const text = Buffer.from(Payload ?? []).toString();
      if (FunctionError !== undefined) throw failed(functionName, text);
      return resultOf(JSON.parse(text) as Reply<AnswerOf<Name>>);
    },
    async nudge(store) {
      await invoke('runs.advance', { store }, InvocationType.Event);
    },
    close: () => lambda.destroy(),
  };
}

/** Of the local mode that runs at these addresses. */
export function localOperations(endpoints: Endpoints, asking: Asking): Operations {
  const { control: endpoint, region, credentials, operate } = endpoints;
  return openOperations(
    new LambdaClient({ ...LIMITS, endpoint, region, credentials: { ...credentials } }),
    operate,
    asking,
  );
}

/** A deployed one, in the account and region that the AWS SDK finds. */
export const deployedOperations = (functionName: string, asking: Asking): Operations =>
  openOperations(new LambdaClient(LIMITS), functionName, asking);

const LIMITS = { maxAttempts: MAX_ATTEMPTS, requestHandler: { requestTimeout: REQUEST_TIMEOUT_MS } };

function resultOf<Answer>(reply: Reply<Answer>): Answer {
  if (reply.ok) return reply.answer;
  const { code, message, hint } = reply.error;
  throw new DistributaryError(code in errorTable ? (code as ErrorCode) : 'run-refused', message, { hint });
}

function failed(functionName: string, text: string): DistributaryError {
  const hint = "read the function's log; the request can be repeated";
  return new DistributaryError('child-died', `function ${functionName} failed: ${text.slice(0, 500)}`, { hint });
}

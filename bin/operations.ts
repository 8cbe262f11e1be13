import { InvocationType, InvokeCommand, LambdaClient, LambdaServiceException } from '@aws-sdk/client-lambda';
import { DistributaryError, type ErrorCode, errorTable } from '../core/errors.ts';
import type { AnswerOf, FieldsOf, OperationName, Reply } from '../functions/operate/operations.ts';
import { type Endpoints, operatorOf } from '../local/endpoints.ts';

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
  /** Stores in the hands of a function of their own, which a question about every store does not reach. */
  readonly apart: readonly string[];
  close(): void;
}

/** Version of the requests of functions/operate/operation.ts. */
const API_VERSION = 1;
/** An answer of `runs.advance` is never waited for; the others take seconds. */
const REQUEST_TIMEOUT_MS = 60_000;
const MAX_ATTEMPTS = 5;
/** Statuses of HTTP. */
const TOO_MANY = 429;
const SERVER_ERRORS = 500;

/** Name of the function that is asked about a store, and about what concerns no single one. */
type FunctionFor = (store: unknown) => string;

interface Destination {
  readonly lambda: LambdaClient;
  readonly functionFor: FunctionFor;
  readonly apart: readonly string[];
  /** What to do when no request comes through. */
  readonly hint: string;
}

function openOperations({ lambda, functionFor, apart, hint }: Destination, asking: Asking): Operations {
  const invoke = async (operation: OperationName, fields: { store?: unknown }, InvocationType: InvocationType) => {
    const request = { api: API_VERSION, operation, ...asking, ...fields };
    const FunctionName = functionFor(fields.store);
    const Payload = Buffer.from(JSON.stringify(request));
    try {
      return await lambda.send(new InvokeCommand({ FunctionName, InvocationType, Payload }));
    } catch (cause) {
      throw notAsked(FunctionName, cause, hint);
    }
  };
  return {
    async ask<Name extends OperationName>(operation: Name, fields: FieldsOf<Name>) {
      const { Payload, FunctionError } = await invoke(operation, fields, InvocationType.RequestResponse);
      const text = Buffer.from(Payload ?? []).toString();
      if (FunctionError !== undefined) throw failed(operation, text);
      return resultOf(JSON.parse(text) as Reply<AnswerOf<Name>>);
    },
    async nudge(store) {
      await invoke('runs.advance', { store }, InvocationType.Event);
    },
    apart,
    close: () => lambda.destroy(),
  };
}

/** Of the local mode that runs at these addresses; a store that a team brought is in the hands of its own function. */
export function localOperations(endpoints: Endpoints, asking: Asking): Operations {
  const { control: endpoint, region, credentials } = endpoints;
  const lambda = new LambdaClient({ ...LIMITS, endpoint, region, credentials: { ...credentials } });
  const apart = Object.entries(endpoints.stores).flatMap(([store, { operate }]) =>
    operate === undefined ? [] : [store],
  );
  const hint = 'see that npm start still runs on this folder';
  return openOperations({ lambda, functionFor: store => operatorOf(endpoints, store), apart, hint }, asking);
}

/** A deployed one, in the account and region that the AWS SDK finds. */
export const deployedOperations = (functionName: string, asking: Asking): Operations =>
  openOperations(
    {
      lambda: new LambdaClient(LIMITS),
      functionFor: () => functionName,
      apart: [],
      hint: errorTable['operations-unreachable'].hint,
    },
    asking,
  );

const LIMITS = { maxAttempts: MAX_ATTEMPTS, requestHandler: { requestTimeout: REQUEST_TIMEOUT_MS } };

function resultOf<Answer>(reply: Reply<Answer>): Answer {
  if (reply.ok) return reply.answer;
  const { code, message, hint } = reply.error;
  throw new DistributaryError(code in errorTable ? (code as ErrorCode) : 'run-refused', message, { hint });
}

/** What the SDK has tried often enough: nothing answered, or somebody before the function did. */
function notAsked(functionName: string, cause: unknown, hint: string): DistributaryError {
  const said = cause instanceof Error ? cause.message || cause.name : String(cause);
  const what = `the operations function ${functionName} cannot be asked: ${said}`;
  const status = cause instanceof LambdaServiceException ? cause.$metadata.httpStatusCode : undefined;
  const isBusy = status !== undefined && (status === TOO_MANY || status >= SERVER_ERRORS);
  if (isBusy) return new DistributaryError('child-died', what, { hint: 'repeat it in a moment: it is busy', cause });
  return new DistributaryError('operations-unreachable', what, { hint, cause });
}

function failed(operation: OperationName, text: string): DistributaryError {
  const hint = "read the function's log; the request can be repeated";
  return new DistributaryError('child-died', `the operations function failed at ${operation}: ${text.slice(0, 500)}`, {
    hint,
  });
}

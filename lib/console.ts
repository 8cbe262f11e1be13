import { Stack } from 'aws-cdk-lib';
import { CfnApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { Construct } from 'constructs';
import type { consoleVariables, EnvironmentOf } from '../core/environment.ts';
import { allowState } from './api-state.ts';
import { BundledFunction } from './bundled-function.ts';
import type { Bundle } from './bundles.ts';
import type { ControlTable } from './control-table.ts';
import { CONSOLE } from './entry-points.ts';
import { addressOf, HttpDoor } from './http-door.ts';
import type { Names } from './names.ts';
import type { Preset } from './presets.ts';

/**
 * The console's address, before there is anything behind it: the issuer of tokens has to know where people come back to,
 * and the console who the issuer is.
 */
export class ConsoleAddress extends Construct {
  readonly apiId: string;

  constructor(scope: Construct, id: string, { names }: { readonly names: Names }) {
    super(scope, id);
    this.apiId = new CfnApi(this, 'Http', { name: `${names.prefix}-${CONSOLE}`, protocolType: 'HTTP' }).ref;
  }
}

export interface ConsoleProps {
  readonly apiId: string;
  /** Where people sign in, as whose client, and which claim names their groups. */
  readonly signIn: { readonly issuer: string; readonly client: string; readonly groupsClaim: string };
  /** The issuer's keys, and sessions. */
  readonly stateTableName: string;
  readonly apiUrl: string;
  readonly control: ControlTable;
  readonly stores: readonly string[];
  /** The only function that it asks. */
  readonly operate: BundledFunction;
  readonly bundle: Bundle;
  readonly names: Names;
  readonly preset: Preset;
}

/** HTTP APIs wait for 30 s. */
const TIMEOUT_SECONDS = 29;
const MEMORY_MEGABYTES = 512;
/** A page asks every five seconds, for a fraction of one: for some dozens of pages. What is more is told to come again. */
const CONCURRENCY = 5;
const LIMITS = { requestsPerSecond: 50, burst: 100 };

/**
 * The function that serves the console, behind an HTTP API. It holds no connection open: a function that streams is taken
 * for as long as a page is open, and so is its price; here pages ask again and share what was looked up.
 */
export class Console extends Construct {
  readonly url: string;

  constructor(scope: Construct, id: string, props: ConsoleProps) {
    super(scope, id);
    const { apiId, names, preset } = props;
    this.url = addressOf(this, apiId);
    const serve = this.#function(props);
    this.#allow(serve, props);
    new HttpDoor(this, 'Door', {
      apiId,
      name: `${names.prefix}-${CONSOLE}`,
      routed: [{ name: 'Console', to: serve, routes: ['GET /', ...['GET', 'POST', 'DELETE'].map(toAll)] }],
      limits: LIMITS,
      preset,
    });
  }

  #function({ signIn, names, stores, operate, ...props }: ConsoleProps): BundledFunction {
    const queues = stores.map(store => [
      store,
      {
        standard: names.queue(store, 'standard'),
        priority: names.queue(store, 'priority'),
        failed: names.failedQueue(store),
      },
    ]);
    const environment: EnvironmentOf<typeof consoleVariables> = {
      CONSOLE_URL: this.url,
      OIDC_ISSUER: signIn.issuer,
      OIDC_CLIENT: signIn.client,
      GROUPS_CLAIM: signIn.groupsClaim,
      GROUPS_PREFIX: names.prefix,
      API_STATE_TABLE: props.stateTableName,
      API_URL: props.apiUrl,
      CONTROL_TABLE: props.control.tableName,
      OPERATE_FUNCTION: operate.lambda.functionName,
      WATCHED_QUEUES: JSON.stringify({ parked: names.parkedQueue, stores: Object.fromEntries(queues) }),
    };
    return new BundledFunction(this, 'Serve', {
      bundle: props.bundle,
      functionName: names.function(CONSOLE),
      description: 'Serves the console of the pipeline',
      environment,
      timeoutSeconds: TIMEOUT_SECONDS,
      memoryMegabytes: MEMORY_MEGABYTES,
      reservedConcurrency: CONCURRENCY,
      logDays: props.preset.logDays,
    });
  }

  /** What is done to stores it cannot do: it asks the operations function, as the commands do. */
  #allow(serve: BundledFunction, { operate, control, stores, stateTableName }: ConsoleProps): void {
    serve.allow(['lambda:InvokeFunction'], [operate.lambda.functionArn]);
    // Metrics know no resource.
    serve.allow(['cloudwatch:GetMetricData'], ['*']);
    for (const store of stores) control.allow(serve, store, ['Query']);
    const table = Stack.of(this).formatArn({ service: 'dynamodb', resource: 'table', resourceName: stateTableName });
    allowState({ tableArn: table }, serve, 'console');
  }
}

const toAll = (method: string): string => `${method} /{proxy+}`;

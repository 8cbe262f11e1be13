import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import { BundledFunction, type Permitted } from './bundled-function.ts';
import type { Bundle } from './bundles.ts';
import { type CanonicalAccess, RELAY_ROLE } from './canonical-access.ts';
import type { Names } from './names.ts';
import type { Preset } from './presets.ts';

/** What runs a relay, wherever it runs. */
export interface RelayProcessProps {
  readonly source: CanonicalAccess;
  readonly bundle: Bundle;
  readonly names: Names;
  readonly preset: Preset;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The longest a function may run; it hands over before. */
const TIMEOUT_SECONDS = 900;
/** One that streams, and its successor while they change over. */
const CONCURRENCY = 2;

/** The relay as a function that hands over to its successor, started again by a schedule should it die. */
export class RelayFunction extends Construct implements Permitted {
  readonly function: BundledFunction;

  constructor(scope: Construct, id: string, { source, bundle, names, preset, environment }: RelayProcessProps) {
    super(scope, id);
    this.function = new BundledFunction(this, 'Relay', {
      bundle,
      functionName: names.function('relay'),
      description: 'Streams the outbox out of the canonical store to the topic',
      environment: { ...source.variables(RELAY_ROLE), ...environment },
      timeoutSeconds: TIMEOUT_SECONDS,
      reservedConcurrency: CONCURRENCY,
      logDays: preset.logDays,
      placement: source.placement,
    });
    // A failed start is not repeated: the next minute brings another.
    const once = { retryAttempts: 0, maxEventAge: Duration.minutes(1) };
    this.function.lambda.configureAsyncInvoke(once);
    new Rule(this, 'EveryMinute', {
      description: 'Starts a relay; it leaves at once when another one streams and means to stay',
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [new LambdaFunction(this.function.lambda, once)],
    });
  }

  allow(...permission: Parameters<Permitted['allow']>): void {
    this.function.allow(...permission);
  }
}

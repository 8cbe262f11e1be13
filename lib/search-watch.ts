import { Duration, Stack } from 'aws-cdk-lib';
import { type Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import type { domainWatchVariables, EnvironmentOf } from '../core/environment.ts';
import { BundledFunction } from './bundled-function.ts';
import type { Bundle } from './bundles.ts';
import { pipelineMetric } from './metrics.ts';

export interface SearchWatchProps {
  readonly bundle: Bundle;
  readonly functionName: string;
  readonly domainName: string;
  readonly logDays: number;
}

/** What its metrics are filed under. */
export const SEARCH_SERVICE = 'search';
const EVERY_MINUTES = 5;
const TIMEOUT_SECONDS = 30;

/** Asks the search service how the domain is: outside of the network, for that service is. */
export class SearchWatch extends Construct {
  constructor(scope: Construct, id: string, { bundle, functionName, domainName, logDays }: SearchWatchProps) {
    super(scope, id);
    const environment: EnvironmentOf<typeof domainWatchVariables> = { SEARCH_DOMAIN: domainName };
    const watch = new BundledFunction(this, 'Function', {
      bundle,
      functionName,
      description: 'Asks how the search domain is, and what it may grow to',
      environment,
      timeoutSeconds: TIMEOUT_SECONDS,
      logDays,
    });
    const domain = Stack.of(this).formatArn({ service: 'es', resource: 'domain', resourceName: domainName });
    watch.allow(['es:DescribeDomainHealth', 'es:DescribeDomainNodes'], [domain]);
    const once = { retryAttempts: 0, maxEventAge: Duration.minutes(1) };
    watch.lambda.configureAsyncInvoke(once);
    new Rule(this, 'EveryFiveMinutes', {
      description: 'Looks at the search domain',
      schedule: Schedule.rate(Duration.minutes(EVERY_MINUTES)),
      targets: [new LambdaFunction(watch.lambda, once)],
    });
  }

  /** 0 green, 1 yellow, 2 red, 3 not there. */
  metricHealth(): Metric {
    return pipelineMetric(SEARCH_SERVICE, 'search_health', {
      statistic: Stats.MAXIMUM,
      period: Duration.minutes(EVERY_MINUTES),
    });
  }
}

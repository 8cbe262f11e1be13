import { Duration } from 'aws-cdk-lib';
import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';

/** What every handler writes in embedded metric format (functions/instruments.ts). */
export const METRIC_NAMESPACE = 'distributary';
/** The dimension of each metric: a store's name, or `relay`. */
export const METRIC_DIMENSION = 'service';
export const PERIOD = Duration.minutes(1);

/** One of our own metrics. */
export const pipelineMetric = (service: string, metricName: string, options: MetricOptions = {}): Metric =>
  new Metric({
    namespace: METRIC_NAMESPACE,
    metricName,
    dimensionsMap: { [METRIC_DIMENSION]: service },
    period: PERIOD,
    ...options,
  });

/** What SQS says of a queue. */
export const queueMetric = (
  queueName: string,
  metricName: 'ApproximateNumberOfMessagesVisible' | 'ApproximateAgeOfOldestMessage',
  options: MetricOptions = {},
): Metric =>
  new Metric({
    namespace: 'AWS/SQS',
    metricName,
    dimensionsMap: { QueueName: queueName },
    statistic: 'Maximum',
    period: PERIOD,
    ...options,
  });

export const functionMetric = (
  functionName: string,
  metricName: 'Invocations' | 'Errors' | 'Throttles' | 'Duration' | 'ConcurrentExecutions',
  options: MetricOptions = {},
): Metric =>
  new Metric({
    namespace: 'AWS/Lambda',
    metricName,
    dimensionsMap: { FunctionName: functionName },
    statistic: 'Sum',
    period: PERIOD,
    ...options,
  });

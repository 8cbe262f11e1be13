import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { Tracer } from '@aws-lambda-powertools/tracer';

/** All metrics of the product; each has the dimension `service`, which is a store's name or `relay`. */
export const METRIC_NAMESPACE = 'distributary';

export interface Instruments {
  readonly logger: Logger;
  /** Written to the log as CloudWatch's embedded metric format: no request, no wait. */
  readonly metrics: Metrics;
  readonly tracer: Tracer;
}

/** One set to a function instance. `service` names the store, or the part of the pipeline. */
export function instruments(service: string): Instruments {
  return {
    logger: new Logger({ serviceName: service }),
    metrics: new Metrics({ namespace: METRIC_NAMESPACE, serviceName: service }),
    // A segment for each of a batch's hundreds of requests would say nothing, and cost as much as the requests.
    tracer: new Tracer({ serviceName: service, captureHTTPsRequests: false }),
  };
}

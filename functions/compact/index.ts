import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
import middy from '@middy/core';
import { readEnvironment, s3Variables } from '../../core/environment.ts';
import type { Definition } from '../../core/projection.ts';
import { controlTable } from '../control.ts';
import { instruments } from '../instruments.ts';
import { dynamoClient } from '../stores/dynamodb-client.ts';
import { factFormat } from '../stores/parquet-file.ts';
import { manifest } from '../stores/parquet-manifest.ts';
import { bucketObjects } from '../stores/parquet-objects.ts';
import { s3Client } from '../stores/s3-client.ts';
import { compactTarget } from './compaction.ts';
import { eraseLate } from './erasing.ts';
import { publishManifest } from './publish.ts';

/** The scheduled function of one analytics store: merges the small files of each of its targets. */
export function compactorFor({ contract }: Pick<Definition, 'contract'>) {
  const { BUCKET_NAME, CONTROL_TABLE } = readEnvironment(s3Variables);
  const control = controlTable({ client: dynamoClient(), tableName: CONTROL_TABLE });
  const objects = bucketObjects(s3Client(), BUCKET_NAME);
  const ports = { format: factFormat(contract), manifest: manifest(control, objects), objects, control, now: Date.now };
  const { logger, metrics, tracer } = instruments(contract.store_name);

  return middy<unknown, void>()
    .use(injectLambdaContext(logger))
    .use(captureLambdaHandler(tracer, { captureResponse: false }))
    .use(logMetrics(metrics))
    .handler(async (_event, context) => {
      const deadline = Date.now() + context.getRemainingTimeInMillis();
      const { current, building } = await control.readTargets(contract.store_name);
      for (const target of current ? [current, ...building] : building) {
        const report = await compactTarget({ ...ports, deadline }, target);
        const erased = await eraseLate(ports, target);
        const files = await publishManifest(ports, target);
        logger.info('compacted', { target: target.name, files, erased, ...report });
        if (target === current) metrics.addMetric('fact_file_count', MetricUnit.Count, files);
      }
    });
}

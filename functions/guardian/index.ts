import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
import middy from '@middy/core';
import pg from 'pg';
import { guardianVariables, readEnvironment } from '../../core/environment.ts';
import { databaseConfig } from '../database.ts';
import { type Instruments, instruments } from '../instruments.ts';
import { inspectSource, type SourceReport } from './source.ts';
import { judge, type Verdict } from './verdict.ts';

const environment = readEnvironment(guardianVariables);
const tools = instruments('guardian');

/** Looks after the slot from outside of the pipeline: what it watches cannot keep it from saying so. */
export const handler = middy<unknown, SourceReport>()
  .use(injectLambdaContext(tools.logger))
  .use(captureLambdaHandler(tools.tracer, { captureResponse: false }))
  .handler(async () => {
    const report = await look();
    publish(tools, report, judge(report, environment.SLOT_NAME));
    return report;
  });

async function look(): Promise<SourceReport> {
  const client = new pg.Client({ application_name: 'distributary-guardian', ...(await databaseConfig(environment)) });
  client.on('error', () => {});
  await client.connect();
  try {
    return await inspectSource(client, environment.SLOT_NAME);
  } finally {
    await client.end();
  }
}

function publish({ logger, metrics }: Instruments, report: SourceReport, verdict: Verdict): void {
  metrics.addMetric('slot_retained_bytes', MetricUnit.Bytes, verdict.retainedBytes);
  metrics.addMetric('slot_lost', MetricUnit.Count, verdict.lost.length);
  metrics.addMetric('slot_at_risk', MetricUnit.Count, verdict.atRisk.length);
  metrics.addMetric('source_unsafe', MetricUnit.Count, verdict.unsafe === undefined ? 0 : 1);
  if (report.heartbeatAgeSeconds !== null) {
    metrics.addMetric('heartbeat_age_seconds', MetricUnit.Seconds, report.heartbeatAgeSeconds);
  }
  metrics.publishStoredMetrics();
  const said = { ...report, ...verdict };
  if (verdict.lost.length > 0) logger.error('a slot is lost: only a rebuild closes the gap', said);
  else if (verdict.unsafe !== undefined) logger.error(verdict.unsafe, said);
  else if (verdict.atRisk.length > 0) logger.warn('a slot is lost at the next checkpoint', said);
  else logger.info('guarded', said);
}

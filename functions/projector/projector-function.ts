import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { projectorVariables, readEnvironment } from '../../core/environment.ts';
import { type Definition, projection } from '../../core/projection.ts';
import { controlTable } from '../control.ts';
import type { Engine } from '../engines/engine.ts';
import { instruments } from '../instruments.ts';
import { dynamoClient } from '../stores/dynamodb-client.ts';
import { closable } from './closed-store.ts';
import { sendToFailedQueue } from './failed-queue.ts';
import { projectorHandler, report } from './handler.ts';
import { resolvePayload } from './payloads.ts';
import { Projecting } from './projecting.ts';

/** The function of one store: reads its environment once, at cold start. */
export function projectorFunction(definition: Definition, engine: Engine) {
  const environment = readEnvironment(projectorVariables);
  const name = definition.contract.store_name;
  const control = controlTable({ client: dynamoClient(), tableName: environment.CONTROL_TABLE });
  const { store, targets } = closable(engine.open(definition.contract, control), name, control);
  const tools = instruments(name);
  const sqs = new SQSClient();
  const s3 = new S3Client();
  const projecting = new Projecting({
    store: name,
    control,
    sqs,
    queueUrls: { standard: environment.QUEUE_URL, priority: environment.PRIORITY_QUEUE_URL },
    ports: {
      store,
      targets: () => targets(() => control.targetsOf(name)),
      project: projection(definition),
      resolve: change => resolvePayload(s3, change),
      deadLetter: letters => sendToFailedQueue(sqs, environment.FAILED_QUEUE_URL, name, letters),
    },
    events: report(tools, store.visibleAfterSeconds),
  });
  return projectorHandler(projecting, tools);
}

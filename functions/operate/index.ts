import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import { type OperatedPlaces, operateVariables, readEnvironment } from '../../core/environment.ts';
import { DistributaryError } from '../../core/errors.ts';
import { hintOf } from '../../core/hint.ts';
import { type Definition, projection } from '../../core/projection.ts';
import { controlTable } from '../control.ts';
import type { DatabaseEnvironment } from '../database.ts';
import { instruments } from '../instruments.ts';
import { dynamoClient } from '../stores/dynamodb-client.ts';
import { unopened } from '../stores/protected.ts';
import { audit } from './audit/audit.ts';
import { canonicalConnection } from './canonical/canonical-connection.ts';
import { postgresCanonical } from './canonical/postgres-canonical.ts';
import type { OperateContext, OperatedStore } from './context.ts';
import { erasablePlaces } from './erase/erasable-places.ts';
import { failedQueues } from './failures/failed-queues.ts';
import { openStore } from './opened-store.ts';
import { answer } from './operations.ts';
import { runs } from './runs/runs.ts';
import { openQuestions } from './shadow/shadow-questions.ts';
import { systemClock } from './system-clock.ts';

/** The operations function: one request in, one reply out; long work goes on in the control table. */
export function handlerFor(definitions: readonly Definition[]) {
  const environment = readEnvironment(operateVariables);
  const control = controlTable({ client: dynamoClient(), tableName: environment.CONTROL_TABLE });
  const clock = systemClock();
  const places = environment.OPERATED_STORES;
  const stores = definitions.map((definition): OperatedStore => {
    const { contract } = definition;
    const name = contract.store_name;
    const store = openStore(contract, control, environment, places[name]!.place);
    const questions = openQuestions(contract, unopened(store), environment);
    return {
      name,
      definition,
      store,
      project: projection(definition),
      questions,
      targetStem: stemOf(definition, places),
    };
  });
  const connection = canonicalConnection(environment);
  const shared: Omit<OperateContext, 'deadline'> = {
    stores,
    store: name => storeNamed(stores, name),
    control,
    runs: runs(control, clock.now),
    audit: audit(control, clock.now),
    connection,
    canonical: postgresCanonical(connection, readerOf(environment) ?? connection),
    queues: failedQueues(new SQSClient(), places),
    erasable: erasablePlaces(definitions, control, environment, clock.now),
    clock,
  };
  const { logger } = instruments('operate');
  return async (event: unknown, context: Context) => {
    logger.addContext(context);
    const reply = await answer(event, { ...shared, deadline: clock.now() + context.getRemainingTimeInMillis() });
    if (!reply.ok) logger.warn('refused', { error: reply.error });
    return reply;
  };
}

/** Of a fleet without readers their address leads to the writer. */
const readerOf = ({
  DATABASE_READER_HOST: host,
  ...writer
}: DatabaseEnvironment & { DATABASE_READER_HOST?: string | undefined }) =>
  host === undefined ? undefined : canonicalConnection({ ...writer, DATABASE_HOST: host });

const stemOf = ({ contract: { engine, store_name } }: Definition, places: OperatedPlaces): string =>
  engine === 'dynamodb' ? places[store_name]!.place : store_name;

function storeNamed(stores: readonly OperatedStore[], name: string): OperatedStore {
  const found = stores.find(store => store.name === name);
  if (found) return found;
  const names = stores.map(store => store.name);
  throw new DistributaryError('usage', `there is no store "${name}"`, { hint: hintOf(name, names, 'stores') });
}

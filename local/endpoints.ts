import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { DistributaryError } from '../core/errors.ts';
import { givenKeysSchema } from '../core/protection.ts';

/** The file in the data folder that tells any client where to attach. Holds passwords: its owner alone may read it. */
export const ENDPOINTS_FILE = 'endpoints.json';

const storeSchema = z.object({
  engine: z.enum(['opensearch', 'dynamodb', 's3', 's3-object-lock']),
  /** Names of its functions, as in the control server's status. */
  projector: z.string(),
  queueUrl: z.string(),
  priorityQueueUrl: z.string(),
  failedQueueUrl: z.string(),
  /** Where readers look: an alias in OpenSearch. */
  index: z.string().optional(),
  table: z.string().optional(),
  bucket: z.string().optional(),
  /** Name of its own operations function; the pipeline's otherwise. */
  operate: z.string().optional(),
});

const endpointsSchema = z.object({
  /** Of the process that runs local mode. */
  pid: z.int(),
  startedAt: z.iso.datetime(),
  /** Where the API listens, and who gives the tokens for it. */
  api: z.string().optional(),
  issuer: z.string().optional(),
  /** `GET /status`, Lambda's Invoke and CloudWatch's GetMetricData. */
  control: z.string(),
  region: z.string(),
  credentials: z.object({ accessKeyId: z.string(), secretAccessKey: z.string() }),
  postgres: z.object({
    /** The superuser's. */
    url: z.string(),
    /** Role → its own. */
    roles: z.record(z.string(), z.string()),
  }),
  opensearch: z.object({ url: z.string(), kind: z.enum(['external', 'real', 'embedded']), version: z.string() }),
  dynamodb: z.object({ endpoint: z.string(), kind: z.enum(['dynalite', 'real']) }),
  sqs: z.string(),
  sns: z.string(),
  s3: z.string(),
  topicArn: z.string(),
  payloadBucket: z.string(),
  evidenceBucket: z.string().optional(),
  parkedQueueUrl: z.string(),
  slot: z.string(),
  controlTable: z.string(),
  /** The web console, where it is served. */
  console: z.string().optional(),
  /** The console as it is deployed, where people sign in at the issuer. */
  deployedConsole: z.string().optional(),
  /** Name of the pipeline's operations function. */
  operate: z.string(),
  /** Of the stores with protected fields. */
  protectionKeys: givenKeysSchema.optional(),
  /** Store's name in its contract → where it is. */
  stores: z.record(z.string(), storeSchema),
  /** Repositories of teams whose projections run along. */
  teams: z.array(z.string()).optional(),
  /** A file per function and server. */
  logs: z.string(),
});
export type Endpoints = z.infer<typeof endpointsSchema>;
export type StoreEndpoints = z.infer<typeof storeSchema>;

/** Name of the operations function that has a store in its hands; of one that there is not, and without one, the pipeline's. */
export const operatorOf = ({ operate, stores }: Pick<Endpoints, 'operate' | 'stores'>, store?: unknown): string =>
  (typeof store === 'string' && Object.hasOwn(stores, store) && stores[store]!.operate) || operate;

/** Throws `not-running` when no local mode runs on the folder. */
export function readEndpoints(dataDir: string): Endpoints {
  const file = join(dataDir, ENDPOINTS_FILE);
  if (!existsSync(file)) throw new DistributaryError('not-running', `no local mode runs on ${dataDir}: no ${file}`);
  const result = endpointsSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (result.success) return result.data;
  throw new DistributaryError('not-running', `${file} is not understood: another version wrote it`);
}

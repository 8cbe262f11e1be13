import * as z from 'zod';
import { DistributaryError } from './errors.ts';
import { givenKeysSchema } from './protection.ts';

/** Variable name → how its text is read. */
export type EnvironmentShape = Readonly<Record<string, z.ZodType<unknown, string | undefined>>>;

/**
 * The variables of one function, declared once: the construct that creates the function must set exactly these
 * (`EnvironmentOf`), the handler reads them parsed (`readEnvironment`).
 */
export type EnvironmentOf<Shape extends EnvironmentShape> = {
  readonly [Name in keyof Shape as undefined extends z.input<Shape[Name]> ? never : Name]: string;
} & { readonly [Name in keyof Shape as undefined extends z.input<Shape[Name]> ? Name : never]?: string };

export type EnvironmentRead<Shape extends EnvironmentShape> = { readonly [Name in keyof Shape]: z.output<Shape[Name]> };

/** Parses the variables at cold start. Throws `environment-invalid` naming each one that is missing or wrong. */
export function readEnvironment<Shape extends EnvironmentShape>(
  shape: Shape,
  source: Readonly<Record<string, string | undefined>> = process.env,
): EnvironmentRead<Shape> {
  const result = z.object(shape).safeParse(source);
  if (result.success) return result.data as EnvironmentRead<Shape>;
  const what = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new DistributaryError('environment-invalid', what);
}

const text = z.string().min(1);
const seconds = z
  .string()
  .regex(/^\d+(\.\d+)?$/, 'is no number of seconds')
  .transform(Number);

const json = <Value extends z.ZodType>(value: Value) =>
  z
    .string()
    .transform((given, context): unknown => {
      try {
        return JSON.parse(given);
      } catch {
        context.addIssue('is no JSON');
        return z.NEVER;
      }
    })
    .pipe(value);

/** How a function reaches the canonical store: a whole URL, or a host with IAM authentication over TLS. */
export const databaseVariables = {
  DATABASE_URL: text.optional(),
  DATABASE_HOST: text.optional(),
  DATABASE_PORT: text.default('5432'),
  DATABASE_NAME: text.default('distributary'),
  DATABASE_USER: text.optional(),
  /** Secret with `username` and `password`, where a role does not log in by IAM. */
  DATABASE_SECRET_ARN: text.optional(),
};

export const migrateVariables = {
  ...databaseVariables,
  CANONICAL_DIR: text.optional(),
  /** Made with the schema, so that no change is committed before there is a slot to keep it for the relay. */
  SLOT_NAME: text,
  PUBLICATION_NAME: text,
};

export const relayVariables = {
  ...databaseVariables,
  TOPIC_ARN: text,
  PAYLOAD_BUCKET: text,
  /** Where outbox rows go that can never be published. */
  PARKED_QUEUE_URL: text,
  SLOT_NAME: text,
  PUBLICATION_NAME: text,
  HEARTBEAT_SECONDS: seconds,
};

/** Of the function that watches the replication slots. */
export const guardianVariables = { ...databaseVariables, SLOT_NAME: text };

/** Of the function that asks the search service how a domain is. Empty where there is no such service. */
export const domainWatchVariables = { SEARCH_DOMAIN: z.string() };

export const projectorVariables = {
  CONTROL_TABLE: text,
  QUEUE_URL: text,
  PRIORITY_QUEUE_URL: text,
  FAILED_QUEUE_URL: text,
};

/** Of the projector of a store with protected fields. */
export const protectedVariables = { PROTECTION_KEYS: json(givenKeysSchema) };

/** Where a store is and what its queues are called, as the operations function finds them. */
const operatedStore = z.strictObject({ standard: text, priority: text, failed: text, place: text });
export type OperatedPlaces = Readonly<Record<string, z.infer<typeof operatedStore>>>;

export const operateVariables = {
  ...databaseVariables,
  /** Readers of the canonical store, which whole states are read from. @default the writer */
  DATABASE_READER_HOST: text.optional(),
  CONTROL_TABLE: text,
  /** Whom the changes go to: of the pipeline's own function, which has to know who may have something to erase. */
  TOPIC_ARN: text.optional(),
  /** States that travelled by reference: of the pipeline's own function, which erases. */
  PAYLOAD_BUCKET: text.optional(),
  /** The content of evidence, where there is an API that takes it. */
  EVIDENCE_BUCKET: text.optional(),
  /** Only where a store is on this engine. */
  OPENSEARCH_URL: text.optional(),
  /** JSON: a store's name → its queues' names, and its table, bucket or index. */
  OPERATED_STORES: json(z.record(z.string(), operatedStore)),
  /** Only where a store has protected fields. */
  PROTECTION_KEYS: json(givenKeysSchema).optional(),
};

/** What a store's engine needs besides its contract, wherever the store is opened. */
export const openSearchVariables = { OPENSEARCH_URL: text };
export const dynamoVariables = { TABLE_NAME: text, CONTROL_TABLE: text };
export const s3Variables = { BUCKET_NAME: text, CONTROL_TABLE: text };
export const archiveVariables = { ARCHIVE_BUCKET: text, CONTROL_TABLE: text };

const tokenVariables = {
  /** Whose access tokens are accepted, and for whom they are made out. */
  OIDC_ISSUER: text,
  OIDC_AUDIENCE: text,
  /** Requests that were carried out, the issuer's keys and the key of cursors. */
  API_STATE_TABLE: text,
};

export const apiCommandVariables = { ...databaseVariables, ...tokenVariables, EVIDENCE_BUCKET: text };

/** Where the cache of permissions is, by its engine. */
export const cacheTableVariables = { PERMISSION_TABLE: text };
export const valkeyVariables = {
  /** `rediss://host:port`; without TLS, `redis://host:port`. */
  VALKEY_URL: text,
  /** How the function logs in by IAM: the cache's name, and the user there. @default without a login */
  VALKEY_CACHE: text.optional(),
  VALKEY_USER: text.optional(),
  /** Set by Lambda. */
  AWS_REGION: text.optional(),
};

export const apiQueryVariables = {
  ...databaseVariables,
  ...tokenVariables,
  ...openSearchVariables,
  CONTROL_TABLE: text,
  TIMELINE_TABLE: text,
  FACTS_BUCKET: text,
  /** Only where a store that is queried has protected fields. */
  PROTECTION_KEYS: json(givenKeysSchema).optional(),
};

export const apiKeyVariables = { OIDC_ISSUER: text, API_STATE_TABLE: text };

/** Of the function that serves the console. */
export const consoleVariables = {
  /** Its address, as a browser has it. */
  CONSOLE_URL: text,
  /** Where people sign in, and as whose client. */
  OIDC_ISSUER: text,
  OIDC_CLIENT: text,
  /** The claim that says which groups somebody is in, and what the names of the console's groups begin with. */
  GROUPS_CLAIM: text,
  GROUPS_PREFIX: text,
  /** The issuer's keys, and sessions. */
  API_STATE_TABLE: text,
  API_URL: text,
  CONTROL_TABLE: text,
  OPERATE_FUNCTION: text,
  /** JSON: the names of the queues that it says the depth of. */
  WATCHED_QUEUES: json(
    z.strictObject({
      parked: text,
      stores: z.record(z.string(), z.strictObject({ standard: text, priority: text, failed: text })),
    }),
  ),
};

import * as z from 'zod';
import { durationSchema } from './duration.ts';
import { governanceSchema } from './governance/governance-schema.ts';
import { KEY_NAME, MAX_PROTECTION_KEYS } from './protection.ts';

export const ROLES = ['canonical', 'projection', 'cache', 'analytics', 'integration', 'archive'] as const;
export type Role = (typeof ROLES)[number];
/** Roles whose content is made from another store, and can be made again. */
const DERIVED: readonly Role[] = ['projection', 'cache', 'analytics'];

export const ENGINES = ['postgresql', 'opensearch', 'dynamodb', 's3', 's3-object-lock', 'valkey'] as const;
export type Engine = (typeof ENGINES)[number];
/** Engines with a store port: what a projector can feed. */
export const PROJECTED_ENGINES = [
  'opensearch',
  'dynamodb',
  's3',
  's3-object-lock',
] as const satisfies readonly Engine[];

export const FIELD_TYPES = ['keyword', 'text', 'integer', 'number', 'boolean', 'date', 'timestamp', 'object'] as const;
export type FieldType = (typeof FIELD_TYPES)[number];
export const PII = ['none', 'personal', 'sensitive'] as const;

const name = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'is no kebab-case name');
const identifier = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, 'is no snake_case identifier');

const field = z.strictObject({
  type: z.enum(FIELD_TYPES),
  /** The state's property it is copied from. @default its own name */
  from: z.string().optional(),
  /** A list of such values. */
  list: z.boolean().default(false),
  pii: z.enum(PII).default('none'),
  /** Kept encrypted in the store, and opened by whoever reads through its port. Of engine dynamodb, and no key of an index. */
  protected: z.boolean().default(false),
  /** Shown to these roles only; everyone else sees it masked. @default everyone who may see the document */
  visible_to: z.array(z.string()).optional(),
  description: z.string().optional(),
});
export type Field = z.infer<typeof field>;

/** How a function is fed. Derived from freshness when left out. */
const delivery = z.strictObject({
  /** Packs a projector takes at once. */
  batch_packs: z.int().min(1).max(10_000).default(10),
  batch_window: durationSchema.default(0),
  /** Most projector instances at once on the standard lane; the priority lane has its own. */
  maximum_concurrency: z.int().min(2).max(1000).default(8),
  timeout: durationSchema.default(30),
  memory_megabytes: z.int().min(128).max(10_240).default(256),
});

/** How the objects of an archive are locked. Lengthening the period is for new objects; nothing shortens it for old ones. */
const archive = z.strictObject({
  /** `governance`: who may bypass it can erase earlier. `compliance`: nobody can, not even the account's root. */
  object_lock: z.enum(['governance', 'compliance']),
  /** From a version's commit on. */
  retention: durationSchema,
  /** The boolean field that says whether a legal hold is in force. @default no holds */
  hold_field: identifier.optional(),
});

/** The keys of the protected fields, by name: the first seals what is written, all of them open what is read. */
const protection = z.strictObject({
  keys: z
    .array(z.string().regex(KEY_NAME, 'is no name of small letters, digits and dashes'))
    .min(1)
    .max(MAX_PROTECTION_KEYS),
});

/** What is expected of the store, for `distributary cost`. */
const workload = z.strictObject({
  /** Changes that it takes; for the canonical store and the outbox, all that are committed. */
  changes_per_month: z.int().min(0),
  reads_per_month: z.int().min(0),
  documents: z.int().min(0),
  average_document_bytes: z.int().min(1),
});
export type Workload = z.infer<typeof workload>;

/**
 * The data contract of one store: requirements 000 §9 word for word, then `engine` and what follows from it. Without
 * an engine it documents a store that is built elsewhere.
 */
export const storeContractSchema = z.strictObject({
  store_name: name,
  role: z.enum(ROLES),
  canonical_source: name.optional(),
  owner_team: name,
  served_use_cases: z.array(identifier).min(1),
  freshness_contract: z.strictObject({ normal_p95: durationSchema, maximum_before_alert: durationSchema }).optional(),
  authority_rules: z.strictObject({
    may_execute_commands: z.boolean(),
    must_rehydrate_before_sensitive_action: z.boolean(),
  }),
  rebuild: z.strictObject({
    supported: z.boolean(),
    source: identifier.optional(),
    estimated_duration: durationSchema.optional(),
    cutover_strategy: identifier.optional(),
  }),
  security: z.strictObject({
    contains_pii: z.boolean(),
    authorization_filter_required: z.boolean(),
    field_masking_required: z.boolean(),
  }),
  schema_evolution: z.strictObject({
    versioned_document: z.boolean(),
    backward_compatible_indexer_required: z.boolean(),
    /** Raised when the document's shape changes: a rebuild makes a new target. */
    document_version: z.int().min(1).default(1),
  }),
  observability: z.strictObject({ metrics: z.array(identifier).min(1) }),

  engine: z.enum(ENGINES).optional(),
  description: z.string().optional(),
  aggregates: z.array(name).min(1).optional(),
  fields: z.record(identifier, field).optional(),
  /** DynamoDB look-ups by attribute: index name → its keys. */
  indexes: z.record(name, z.strictObject({ partition: identifier, sort: identifier.optional() })).optional(),
  delivery: delivery.prefault({}),
  /** Of engine s3-object-lock. */
  archive: archive.optional(),
  /** Where fields are protected. */
  protection: protection.optional(),
  governance: governanceSchema.optional(),
  workload: workload.optional(),
});
export type StoreContract = z.infer<typeof storeContractSchema>;

/** A contract that asks for a projection pipeline: an engine that a projector can feed, aggregates and fields. */
export type ProjectedContract = StoreContract & {
  readonly engine: (typeof PROJECTED_ENGINES)[number];
  readonly canonical_source: string;
  readonly freshness_contract: NonNullable<StoreContract['freshness_contract']>;
  readonly aggregates: readonly string[];
  readonly fields: Readonly<Record<string, Field>>;
};

/** What a running function may know of a contract: not what people wrote down, so that a sentence deploys nothing. */
export const withoutGovernance = ({
  governance,
  workload,
  ...contract
}: StoreContract): Omit<StoreContract, 'governance' | 'workload'> => contract;

/** A contract with protected fields, and so with keys for them. */
export type ProtectedContract = ProjectedContract & { readonly protection: NonNullable<StoreContract['protection']> };
export const isProtectedContract = (contract: ProjectedContract): contract is ProtectedContract =>
  contract.protection !== undefined;

/** An archive that a projector feeds is derived; one that keeps what nobody else has is not. */
export const isDerived = ({ role, engine }: StoreContract): boolean =>
  DERIVED.includes(role) || (role === 'archive' && engine === 's3-object-lock');
export const isProjected = (contract: StoreContract): contract is ProjectedContract =>
  isDerived(contract) &&
  contract.engine !== undefined &&
  (PROJECTED_ENGINES as readonly Engine[]).includes(contract.engine);

/** Names of the fields that a store keeps sealed. */
export const protectedFields = ({ fields }: Pick<ProjectedContract, 'fields'>): readonly string[] =>
  Object.keys(fields).filter(field => fields[field]!.protected);

import * as z from 'zod';
import { durationSchema } from './duration.ts';
import { governanceSchema } from './governance/governance-schema.ts';
import { hintOf } from './hint.ts';
import { KEY_NAME, MAX_PROTECTION_KEYS, protectedFields } from './protection.ts';
import { takenName } from './reserved-names.ts';
import { type Defect, defectAt, parseYaml } from './yaml.ts';

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

/** What the alarms and the dashboard of a projected store are made of. */
const REQUIRED_METRICS = ['indexing_lag_seconds', 'indexing_error_count', 'dead_letter_count'];

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

/** Parses one file's text. Throws `contract-invalid` with every defect in it: file, line, value, hint. */
export function parseStoreContract(text: string, file: string): StoreContract {
  return parseYaml(storeContractSchema, text, file, storeRules);
}

/** What the schema cannot say: rules between keys. */
function* storeRules(contract: StoreContract): Iterable<Defect> {
  if (isDerived(contract)) yield* derivedRules(contract);
  else if (contract.role === 'canonical' && contract.canonical_source !== undefined) {
    yield defectAt(['canonical_source'], 'a canonical store has no other source', 'remove it, or change the role');
  }
  if (isProjected(contract)) yield* projectedRules(contract);
  if (contract.engine === 'valkey' && contract.role !== 'cache') {
    const hint = 'what may be gone at any time is a cache: set role to cache, or choose another engine';
    yield defectAt(['role'], `engine valkey with role ${contract.role}`, hint);
  }
  yield* rebuildRules(contract.rebuild);
  yield* archiveRules(contract);
  yield* fieldRules(contract);
  yield* protectionRules(contract);
}

function* derivedRules({ role, rebuild, authority_rules, canonical_source, freshness_contract }: StoreContract) {
  if (!rebuild.supported) {
    const hint = `say how it is made again, or declare what it is: a store that cannot be rebuilt is canonical`;
    yield defectAt(['rebuild', 'supported'], `role ${role} without a rebuild`, hint);
  }
  if (authority_rules.may_execute_commands) {
    const hint = 'commands read and write the canonical store only: set it to false';
    yield defectAt(['authority_rules', 'may_execute_commands'], `role ${role} that may execute commands`, hint);
  }
  if (canonical_source === undefined) {
    yield defectAt(['canonical_source'], `role ${role} without canonical_source`, 'name the store it is made from');
  }
  if (freshness_contract === undefined) {
    const hint = 'add normal_p95 and maximum_before_alert';
    yield defectAt(['freshness_contract'], `role ${role} without a freshness contract`, hint);
  } else if (freshness_contract.maximum_before_alert <= freshness_contract.normal_p95) {
    const hint = 'an alarm at or below the normal lag would ring all day';
    yield defectAt(['freshness_contract', 'maximum_before_alert'], 'alert not above the normal p95', hint);
  }
}

function* projectedRules({ engine, aggregates, fields, observability }: StoreContract): Iterable<Defect> {
  if (aggregates === undefined) {
    yield defectAt(['aggregates'], `engine ${engine} without aggregates`, 'list the aggregates it is made from');
  }
  if (fields === undefined) {
    yield defectAt(['fields'], `engine ${engine} without fields`, "list the document's fields and their types");
  }
  for (const metric of REQUIRED_METRICS.filter(required => !observability.metrics.includes(required))) {
    yield defectAt(['observability', 'metrics'], `metric ${metric} is missing`, `a projected store reports it: add it`);
  }
}

function* archiveRules({ engine, role, archive, fields = {} }: StoreContract): Iterable<Defect> {
  if (engine !== 's3-object-lock') {
    if (archive)
      yield defectAt(['archive'], `engine ${engine} locks no objects`, 'archive is for engine s3-object-lock');
    return;
  }
  if (role !== 'archive') {
    const hint = 'what cannot be deleted is an archive: set role to archive, or choose another engine';
    yield defectAt(['role'], `engine s3-object-lock with role ${role}`, hint);
  }
  if (!archive) {
    yield defectAt(['engine'], 'engine s3-object-lock without archive', 'add archive: { object_lock, retention }');
  } else if (archive.hold_field !== undefined && fields[archive.hold_field]?.type !== 'boolean') {
    const hint = hintOf(archive.hold_field, Object.keys(fields), 'fields');
    yield defectAt(['archive', 'hold_field'], `${archive.hold_field} is no boolean field`, hint);
  }
}

function* rebuildRules(rebuild: StoreContract['rebuild']): Iterable<Defect> {
  if (!rebuild.supported) return;
  for (const key of ['source', 'estimated_duration', 'cutover_strategy'] as const) {
    if (rebuild[key] === undefined)
      yield defectAt(['rebuild', key], `rebuild.${key} is missing`, 'say it, or set supported to false');
  }
}

function* protectionRules({ fields = {}, protection }: StoreContract): Iterable<Defect> {
  const [field] = protectedFields({ fields });
  if (field !== undefined && !protection) {
    const hint =
      'add protection: { keys: [a-name] }; a later key goes to the end of the list, and to its front with the next deployment';
    yield defectAt(['fields', field, 'protected'], `field ${field} is protected, with no key`, hint);
  }
  if (!protection) return;
  if (field === undefined) {
    const hint = 'mark what they are for with protected: true, or remove them';
    yield defectAt(['protection'], 'keys, and no field that is protected', hint);
  }
  const twice = protection.keys.find((key, index) => protection.keys.indexOf(key) !== index);
  if (twice !== undefined) yield defectAt(['protection', 'keys'], `key ${twice} is named twice`, 'name each once');
}

function* fieldRules({ fields = {}, indexes = {}, engine, security }: StoreContract): Iterable<Defect> {
  const keys = Object.values(indexes).flatMap(({ partition, sort }) => [partition, sort]);
  for (const [name, { pii, protected: isProtected }] of Object.entries(fields)) {
    if (isProtected && (engine !== 'dynamodb' || keys.includes(name))) {
      const hint = 'an engine that searches by a value has to see it: leave protected out, or the field';
      const what = engine === 'dynamodb' ? 'is a key of an index' : `is in a store on ${engine}`;
      yield defectAt(['fields', name, 'protected'], `field ${name} is protected, and ${what}`, hint);
    }
    const taken = takenName(engine, name, indexes);
    if (taken) yield { path: ['fields', name], message: `field ${name} ${taken}`, hint: 'rename the field', at: 'key' };
    if (pii !== 'none' && !security.contains_pii) {
      yield defectAt(
        ['fields', name, 'pii'],
        `field ${name} is ${pii}, but security.contains_pii is false`,
        'set contains_pii to true',
      );
    }
  }
  if (Object.keys(indexes).length > 0 && engine !== 'dynamodb') {
    yield defectAt(['indexes'], `engine ${engine} has no indexes of its own`, 'indexes are for engine dynamodb');
  }
  for (const [index, keys] of Object.entries(indexes)) {
    for (const [role, field] of Object.entries(keys) as [string, string][]) {
      if (fields[field] === undefined)
        yield {
          path: ['indexes', index, role],
          message: `unknown field ${field}`,
          hint: hintOf(field, Object.keys(fields), 'fields'),
        };
    }
  }
}

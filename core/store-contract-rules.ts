import { hintOf } from './hint.ts';
import { takenName } from './reserved-names.ts';
import { isDerived, isProjected, protectedFields, type StoreContract, storeContractSchema } from './store-contract.ts';
import { type Defect, defectAt, parseYaml } from './yaml.ts';

/** What the alarms and the dashboard of a projected store are made of. */
const REQUIRED_METRICS = ['indexing_lag_seconds', 'indexing_error_count', 'dead_letter_count'];

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

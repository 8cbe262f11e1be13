import type { Concern } from './store.ts';

/** A concern and where it is: `source`, `slot distributary`, `case-search`. */
export interface Finding extends Concern {
  readonly subject: string;
}

/** Looked at, and as it should be. */
export interface Passed {
  readonly subject: string;
  readonly what: string;
}

export interface Diagnosis {
  readonly findings: readonly Finding[];
  readonly passed: readonly Passed[];
}

/** What the canonical store says of itself. */
export interface SourceFacts {
  /** As `server_version_num`: 170010. */
  readonly version: number;
  readonly walLevel: string;
  readonly isReadOnly: boolean;
  readonly slots: readonly SlotFacts[];
  /** Slots and senders that are left for one more relay, a rebuild's reader, a replica. */
  readonly freeSlots: number;
  readonly freeSenders: number;
  readonly publication: PublicationFacts | undefined;
  /** Triggers of capture that are missing or switched off, as `cases.emit`. */
  readonly deadTriggers: readonly string[];
  /** Roles that are not there, or may not log in. */
  readonly deadRoles: readonly string[];
  /** Whether the outbox has a partition for tomorrow. */
  readonly outboxAhead: boolean;
  /** Functions that this system calls and may not. */
  readonly forbidden: readonly string[];
}

export interface SlotFacts {
  readonly name: string;
  readonly isActive: boolean;
  /** PostgreSQL's; `gone` is one that was there once. */
  readonly walStatus: 'reserved' | 'extended' | 'unreserved' | 'lost' | 'gone';
  readonly retainedBytes: number;
  /** What may still be written before it is lost; undefined where nothing limits that but the disk. */
  readonly safeBytes: number | undefined;
  /** It was made anew: what was committed before, and not relayed by then, it does not have. */
  readonly gap: SlotGap | undefined;
}

export interface SlotGap {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Stores that have not been rebuilt since. */
  readonly stores: readonly string[];
}

export interface PublicationFacts {
  readonly name: string;
  readonly tables: readonly string[];
  readonly isInsertOnly: boolean;
  readonly isViaRoot: boolean;
}

/** 17: logical slots that survive a failover, and the functions that the migrations use. */
const OLDEST_VERSION = 170_000;
/** WAL kept for a relay that runs is some megabytes; a gibibyte means that it does not keep up. */
const RETAINED_BYTES = 2 ** 30;
const PUBLISHED = ['heartbeat', 'outbox'];

const broken = (subject: string, what: string, todo: string): Finding => ({ subject, severity: 'broken', what, todo });
const risk = (subject: string, what: string, todo: string): Finding => ({ subject, severity: 'risk', what, todo });

/** Everything that the pipeline needs of the canonical store. */
export function diagnoseSource(facts: SourceFacts): Diagnosis {
  return gather([
    check('source', 'PostgreSQL is recent enough', versionFindings(facts)),
    check('source', 'takes writes, and logs what logical decoding needs', settingFindings(facts)),
    check('source', 'has slots and senders to spare', roomFindings(facts)),
    check('publication', 'publishes inserts of outbox and heartbeat, and no more', publicationFindings(facts)),
    check('capture', 'no change can escape its triggers', captureFindings(facts)),
    check('roles', 'may log in and call what they have to', roleFindings(facts)),
    ...(facts.slots.length === 0 ? [check('slot', '', noSlot())] : []),
    ...facts.slots.map(slot => check(`slot ${slot.name}`, 'is read, and keeps little WAL', slotFindings(slot))),
  ]);
}

function* versionFindings({ version }: SourceFacts): Iterable<Finding> {
  const text = `${Math.floor(version / 10_000)}.${version % 10_000}`;
  if (version < OLDEST_VERSION) yield broken('source', `PostgreSQL ${text}`, 'upgrade to 17');
}

function* settingFindings({ walLevel, isReadOnly }: SourceFacts): Iterable<Finding> {
  if (walLevel !== 'logical') {
    const todo = 'set wal_level to logical, on Aurora rds.logical_replication to 1, and restart';
    yield broken('source', `wal_level is ${walLevel}: nothing can be decoded`, todo);
  }
  if (isReadOnly) yield broken('source', 'the node takes no writes', 'connect to the writer endpoint');
}

function* roomFindings({ freeSlots, freeSenders }: SourceFacts): Iterable<Finding> {
  if (freeSlots < 1) {
    yield risk(
      'source',
      'no replication slot is left',
      'raise max_replication_slots, or drop a slot that nobody reads',
    );
  }
  if (freeSenders < 1) {
    const todo = 'raise max_wal_senders: a relay cannot be handed over while none is free';
    yield risk('source', 'no WAL sender is left', todo);
  }
}

function* publicationFindings({ publication }: SourceFacts): Iterable<Finding> {
  const migrate = 'apply the migrations in canonical/';
  if (!publication) return yield broken('publication', 'there is none', migrate);
  const { name, tables, isInsertOnly, isViaRoot } = publication;
  const missing = PUBLISHED.filter(table => !tables.includes(table));
  if (missing.length > 0) yield broken('publication', `${name} leaves out ${missing.join(', ')}`, migrate);
  const more = tables.filter(table => !PUBLISHED.includes(table));
  if (more.length > 0) yield risk('publication', `${name} has ${more.join(', ')} too`, 'drop them from it');
  if (!isInsertOnly) {
    const todo = `alter publication ${name} set (publish = 'insert'): each dropped day would be decoded as deletes`;
    yield risk('publication', `${name} publishes more than inserts`, todo);
  }
  if (!isViaRoot) {
    const todo = `alter publication ${name} set (publish_via_partition_root = true)`;
    yield broken('publication', `${name} names partitions, which the relay does not know`, todo);
  }
}

function* captureFindings({ deadTriggers, outboxAhead }: SourceFacts): Iterable<Finding> {
  if (deadTriggers.length > 0) {
    const what = `${deadTriggers.join(', ')} do not fire: changes are committed that no store hears of`;
    yield broken('capture', what, 'enable the triggers, or migrate again; then distributary drift STORE --repair');
  }
  if (!outboxAhead) {
    const todo =
      'see that canonical.maintain_outbox runs daily: rows go to the default partition, which is dropped late';
    yield risk('capture', 'the outbox has no partition for tomorrow', todo);
  }
}

function* roleFindings({ deadRoles, forbidden }: SourceFacts): Iterable<Finding> {
  if (deadRoles.length > 0) {
    yield broken('roles', `${deadRoles.join(', ')} cannot log in`, 'apply the migrations in canonical/');
  }
  if (forbidden.length > 0) {
    yield broken('roles', `distributary_reader may not call ${forbidden.join(', ')}`, 'apply the migrations again');
  }
}

/** Nobody else makes a slot: a relay that did would go on as if nothing was missing. */
const MAKE_ANEW = 'invoke the migrate function by hand, which makes it anew, then rebuild every store';
const SLOT_GONE = `${MAKE_ANEW}: what was committed meanwhile is in none`;

function* noSlot(): Iterable<Finding> {
  yield broken('slot', 'there is no logical slot: changes are not kept for the relay', SLOT_GONE);
}

function* slotFindings(slot: SlotFacts): Iterable<Finding> {
  const { name, isActive, walStatus, retainedBytes, safeBytes, gap } = slot;
  const subject = `slot ${name}`;
  if (gap && gap.stores.length > 0) {
    const what = `was made anew at ${new Date(gap.at).toISOString()}: ${gap.stores.join(', ')} may miss what was committed before`;
    yield broken(subject, what, 'distributary rebuild STORE, for each of them');
  }
  if (walStatus === 'gone') {
    return yield broken(subject, 'is not there any more', SLOT_GONE);
  }
  if (walStatus === 'lost') {
    return yield broken(
      subject,
      'has lost WAL that was not relayed',
      `${MAKE_ANEW}: the gap cannot be closed otherwise`,
    );
  }
  if (walStatus === 'unreserved') {
    yield broken(
      subject,
      'is lost at the next checkpoint',
      'start its reader at once, or raise max_slot_wal_keep_size',
    );
  }
  if (!isActive) {
    const todo = "read the relay's log and start it; drop the slot if nobody is to read it: it keeps WAL for ever";
    yield broken(subject, 'nobody reads it', todo);
  }
  if (retainedBytes > RETAINED_BYTES) {
    const left =
      safeBytes === undefined ? 'nothing limits it but the disk' : `${megabytes(safeBytes)} more are allowed`;
    const what = `${megabytes(retainedBytes)} of WAL are kept for it; ${left}`;
    yield risk(subject, what, "see the relay's log for what keeps it behind");
  }
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20).toLocaleString('en-US')} MiB`;

/** What is known of a store besides what its engine says. */
export interface StoreFacts {
  readonly store: string;
  readonly target: string | undefined;
  /** What the engine says of its readers' target; the same, unless somebody has moved one of them by hand. */
  readonly readersSee: string | undefined;
  readonly concerns: readonly Concern[];
  /** The engine, a queue or the control table did not answer. */
  readonly silent: readonly string[];
  /** Seconds since the older of its watermarks; undefined when it never had one. */
  readonly watermarkAgeSeconds: number | undefined;
  readonly maximumSeconds: number;
  readonly failed: number;
  readonly queues: readonly QueueFacts[];
  /** The function's own time limit. */
  readonly functionSeconds: number;
  /** A run that waits for somebody. */
  readonly failedRun: string | undefined;
  /** Where fields are protected: which, and under which key. */
  readonly sealed: SealedFacts | undefined;
}

export interface SealedFacts {
  readonly fields: readonly string[];
  readonly key: string;
  /** Why a value that was sealed cannot be opened again. */
  readonly defect: string | undefined;
}

export interface QueueFacts {
  readonly name: string;
  readonly role: 'standard' | 'failed';
  readonly visibilitySeconds: number;
  readonly retentionSeconds: number;
  /** Name of the queue that it leaves to what crashes again and again. */
  readonly redrivesTo: string | undefined;
}

/** AWS asks for six: the pollers retry a throttled batch while its messages stay hidden. */
const VISIBILITY_FACTOR = 6;
const FAILED_RETENTION_SECONDS = 14 * 86_400;

export function diagnoseStore(facts: StoreFacts): Diagnosis {
  const { store, concerns } = facts;
  return gather([
    check(store, 'answers', silenceFindings(facts)),
    check(store, 'readers see the target that writers know', targetFindings(facts)),
    check(
      store,
      'the target is as the contract asks',
      concerns.map(concern => ({ ...concern, subject: store })),
    ),
    check(store, 'fresh, with nothing failed', freshnessFindings(facts)),
    ...sealedPart(facts),
    ...facts.queues.map(queue => check(`queue ${queue.name}`, 'keeps what it must', queueFindings(queue, facts))),
  ]);
}

function* silenceFindings({ store, silent }: StoreFacts): Iterable<Finding> {
  for (const what of silent) yield broken(store, what, 'see that it runs; changes wait in its queues meanwhile');
}

function* targetFindings({ store, target, readersSee, silent }: StoreFacts): Iterable<Finding> {
  if (silent.length > 0) return;
  if (target === undefined) yield broken(store, 'no target is current', 'run the provisioning step: deploy again');
  else if (readersSee !== target) {
    const what = `readers see ${readersSee ?? 'nothing'}, the control table says ${target}`;
    yield broken(store, what, `distributary rollback ${store}, or point the readers back by hand`);
  }
}

function* freshnessFindings(facts: StoreFacts): Iterable<Finding> {
  const { store, watermarkAgeSeconds: age, maximumSeconds, failed, failedRun } = facts;
  if (age === undefined) yield broken(store, 'no heartbeat has ever arrived', "see the relay's log: does it run?");
  else if (age > maximumSeconds) {
    const what = `${Math.round(age)} s behind, the contract allows ${maximumSeconds} s`;
    yield broken(store, what, 'see the console or the dashboard: which part of the way stands still?');
  }
  if (failed > 0) {
    yield broken(store, `${failed} changes have failed for good`, `distributary redrive ${store} says why`);
  }
  if (failedRun !== undefined) {
    yield risk(store, failedRun, `distributary cancel ${store}, or mend it and resume`);
  }
}

function sealedPart({ store, sealed }: StoreFacts): readonly Diagnosis[] {
  if (!sealed) return [];
  const { fields, key, defect } = sealed;
  const todo =
    'see that the key is enabled, and that its policy lets the function in; changes wait in the queues meanwhile';
  const findings = defect === undefined ? [] : [broken(store, `key ${key} does not seal: ${defect}`, todo)];
  return [check(store, `keeps ${fields.join(', ')} sealed under key ${key}`, findings)];
}

function* queueFindings(queue: QueueFacts, { functionSeconds }: StoreFacts): Iterable<Finding> {
  const { name, role, visibilitySeconds, retentionSeconds, redrivesTo } = queue;
  const subject = `queue ${name}`;
  const deploy = 'deploy again: the construct sets it';
  if (role === 'failed') {
    if (retentionSeconds < FAILED_RETENTION_SECONDS) {
      yield risk(subject, `failed changes are forgotten after ${retentionSeconds} s`, deploy);
    }
    return;
  }
  if (redrivesTo === undefined) {
    yield broken(subject, 'has no failed queue: what crashes the projector comes back for ever', deploy);
  }
  if (visibilitySeconds < VISIBILITY_FACTOR * functionSeconds) {
    const least = VISIBILITY_FACTOR * functionSeconds;
    yield risk(subject, `a message is hidden for ${visibilitySeconds} s, less than ${least} s`, deploy);
  }
}

/** What was looked at: it passes unless something was found. */
function check(subject: string, what: string, findings: Iterable<Finding>): Diagnosis {
  const found = [...findings];
  return { findings: found, passed: found.length === 0 ? [{ subject, what }] : [] };
}

export const gather = (parts: readonly Diagnosis[]): Diagnosis => ({
  findings: parts.flatMap(({ findings }) => findings),
  passed: parts.flatMap(({ passed }) => passed),
});

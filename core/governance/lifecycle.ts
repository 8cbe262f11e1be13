import type { Catalogue } from '../catalogue.ts';
import { durationText } from '../duration.ts';
import { ERASURE_WATCH_DAYS } from '../erasure.ts';
import type { StoreContract } from '../store-contract.ts';
import { LIFECYCLE_TESTS, type LifecycleTest } from './lifecycle-tests.ts';
import { markdownTable, page } from './markdown.ts';

/** What can happen to an aggregate, or to all of them (000 §12). */
export const LIFECYCLE_EVENTS = [
  ...['create', 'update', 'restrict', 'delete', 'retention expiry'],
  ...['legal hold', 'schema change', 'tenant migration', 'tenant departure', 'key rotation'],
] as const;
export type LifecycleEvent = (typeof LIFECYCLE_EVENTS)[number];

/** Kinds of places that content is in. The last two belong to no store: they lie between them. */
export const LIFECYCLE_PLACES = [
  ...['canonical', 'evidence', 'search', 'key-value', 'analytics', 'cache', 'archive', 'outbox'],
  ...['failed queue', 'parked objects'],
] as const;
export type LifecyclePlace = (typeof LIFECYCLE_PLACES)[number];

export interface LifecycleCell {
  readonly event: LifecycleEvent;
  readonly place: LifecyclePlace;
  /** The stores of this kind; the pipeline where there are none. */
  readonly stores: readonly string[];
  readonly what: string;
  readonly by: string;
  readonly within: string;
  readonly test: LifecycleTest;
}

type Rule = readonly [what: string, by: string, within: string, test: LifecycleTest];
/** Stands for what the store's contract promises. */
const PROMISED = 'its freshness contract';
const NIGHT = 'the next night, at 03:17 UTC';
const AT_ONCE = 'the transaction';
const RUN = 'the run: seconds after every store has caught up';

const inStores = (rule: Rule) => ({ search: rule, 'key-value': rule, analytics: rule, archive: rule }) as const;
const failedStays: Rule = [
  'the message waits as it is, its newer versions pass it by',
  'projector, redrive',
  '14 days',
  'failedReason',
];
const parkedStays: Rule = [
  'the states stay under their versions',
  'lifecycle rule of the bucket',
  '35 days',
  'byReference',
];
const cacheForgets: Rule = [
  'holds no content; a decision is looked up again',
  'permission token, time to live',
  PROMISED,
  'atOnce',
];
const written: Rule = ['the newest state', 'projector, write if newer', PROMISED, 'agrees'];
const row: Rule = ['one row with the whole state', 'capture triggers', AT_ONCE, 'captured'];

/** What happens where. A kind of place that a rule lacks would not compile. */
const RULES: Readonly<Record<LifecycleEvent, Readonly<Record<LifecyclePlace, Rule>>>> = {
  create: {
    canonical: ['row, history and audit entry', 'command or SQL', AT_ONCE, 'captured'],
    evidence: [
      'an upload that has to have the hash, locked against change',
      'presigned upload, object lock',
      'with the upload',
      'uploaded',
    ],
    ...inStores(written),
    archive: ['a locked object per version, once it has to be kept', 'projector', PROMISED, 'archived'],
    cache: ['nothing: it holds no content', '–', '–', 'atOnce'],
    outbox: row,
    'failed queue': ['what cannot land, with its reason', 'projector', 'one delivery', 'failedReason'],
    'parked objects': ['a state too large for a message', 'relay', 'before it is published', 'byReference'],
  },
  update: {
    canonical: ['row, history and audit entry, one version more', 'command or SQL', AT_ONCE, 'captured'],
    evidence: ['nothing: content is final, another piece is another object', 'triggers, object lock', '–', 'final'],
    ...inStores(written),
    analytics: ['one fact more', 'projector', PROMISED, 'history'],
    archive: ['one locked object more', 'projector', PROMISED, 'archived'],
    cache: cacheForgets,
    outbox: row,
    'failed queue': failedStays,
    'parked objects': parkedStays,
  },
  restrict: {
    canonical: ['row-level security hides it', 'command, policies', AT_ONCE, 'overtakes'],
    evidence: ['nothing: no route reads content', '–', '–', 'uploaded'],
    ...inStores(['says restricted; readers are reauthorised before that', 'priority lane', '2 seconds', 'overtakes']),
    archive: ['one locked object more; no route of the API reads it', 'priority lane', PROMISED, 'archived'],
    analytics: ['one fact more; reports go by the newest', 'priority lane', PROMISED, 'history'],
    cache: cacheForgets,
    outbox: ['one row, lane priority', 'capture triggers', AT_ONCE, 'captured'],
    'failed queue': failedStays,
    'parked objects': parkedStays,
  },
  delete: {
    canonical: [
      'gone with all that is its; ids, times and actors remain',
      'distributary erase, API purge',
      AT_ONCE,
      'erased',
    ],
    evidence: ['every version removed, past governance; what a hold keeps is told of', 'erasure', RUN, 'erased'],
    ...inStores(['a tombstone without content', 'priority lane, then the erasure', PROMISED, 'neverBack']),
    analytics: [
      'facts blanked, files rewritten, old ones removed with their versions',
      'erasure; compaction for what is late',
      RUN,
      'late',
    ],
    archive: ['every version removed, the manifest says so', 'erasure, past governance', RUN, 'archiveErased'],
    cache: cacheForgets,
    outbox: ['rows become tombstones; a replay says deleted', 'erasure', RUN, 'scrubbed'],
    'failed queue': ['its events leave the messages; others stay', 'erasure', RUN, 'erased'],
    'parked objects': ['removed with their versions', 'erasure', RUN, 'erased'],
  },
  'retention expiry': {
    canonical: ['as a deletion', 'retention.run, by the rule of the aggregate', NIGHT, 'retention'],
    evidence: ['as a deletion', 'retention.run', NIGHT, 'retention'],
    ...inStores(['as a deletion', 'retention.run', NIGHT, 'retention']),
    archive: ['as a deletion; a lock in compliance mode ends by itself', 'retention.run', NIGHT, 'archiveErased'],
    cache: cacheForgets,
    outbox: ['as a deletion; days are dropped anyway', 'retention.run, maintain_outbox', NIGHT, 'retention'],
    'failed queue': ['as a deletion; and what came late since', 'retention.run', NIGHT, 'retention'],
    'parked objects': [
      'as a deletion; all are gone in the end',
      `retention.run, ${ERASURE_WATCH_DAYS} days`,
      NIGHT,
      'retention',
    ],
  },
  'legal hold': {
    canonical: ['no row of the case can be deleted', 'triggers', AT_ONCE, 'heldInDatabase'],
    evidence: [
      'a legal hold on every version of its content; nothing is erased',
      'holds.follow, each minute',
      '1 minute',
      'held',
    ],
    ...inStores(['nothing is erased', 'erasure asks the canonical store', 'at once', 'held']),
    archive: ['a legal hold on every object of the case', 'priority lane', PROMISED, 'archiveHold'],
    cache: ['nothing: it holds no content', '–', '–', 'held'],
    outbox: [
      'no row is scrubbed; days are dropped all the same',
      'erasure asks the canonical store',
      'at once',
      'held',
    ],
    'failed queue': [
      'nothing is erased; two weeks pass all the same',
      'erasure asks the canonical store',
      'at once',
      'held',
    ],
    'parked objects': [
      'nothing is erased; the bucket forgets all the same',
      'erasure asks the canonical store',
      'at once',
      'held',
    ],
  },
  'schema change': {
    canonical: ['expand, migrate, contract', 'numbered migrations', 'a deployment', 'migrated'],
    evidence: ['nothing: content has no schema of ours', '–', '–', 'final'],
    ...inStores([
      'a target of the new shape beside the old one',
      'rebuild, cutover, rollback',
      'the contract’s estimate',
      'rebuilt',
    ]),
    cache: cacheForgets,
    outbox: [
      'rows name the version of their schema',
      'upcasts of the aggregate',
      'as long as a row is kept',
      'planned',
    ],
    'failed queue': [
      'what failed is brought up when it is sent back',
      'upcasts, redrive',
      'with the redrive',
      'planned',
    ],
    'parked objects': ['as rows of the outbox', 'upcasts', '35 days', 'planned'],
  },
  'tenant migration': {
    canonical: ['the case with all that is its changes its tenant', 'distributary tenant move', AT_ONCE, 'movedOnce'],
    evidence: [
      'it stays under the tenant that took it in, where holds and erasures look too; what is known of it moves',
      'distributary tenant move',
      AT_ONCE,
      'movedAll',
    ],
    ...inStores(['the same key under the new tenant, one version more', 'priority lane', PROMISED, 'moved']),
    cache: ['decisions of the old tenant end', 'suspension of the tenant, time to live', PROMISED, 'atOnce'],
    outbox: [
      'one row per aggregate; the ones before keep the old tenant',
      'capture triggers',
      'days that are kept',
      'moved',
    ],
    'failed queue': ['an older version falls out by version', 'write if newer', 'with the redrive', 'converges'],
    'parked objects': parkedStays,
  },
  'tenant departure': {
    canonical: [
      'closed here, let in there at higher versions, then gone here',
      'distributary tenant export, import, close, open, remove',
      'its runs',
      'departed',
    ],
    evidence: [
      'what is known of it goes along; content is copied by hand, then removed here',
      'aws s3 sync, tenant remove',
      RUN,
      'erased',
    ],
    ...inStores([
      'there as any change; here a tombstone without content',
      'outbox there, erasure here',
      RUN,
      'departed',
    ]),
    analytics: ['facts there begin with the arrival; here they are blanked', 'outbox there, erasure here', RUN, 'late'],
    archive: ['versions there begin with the arrival; here they are removed', 'erasure', RUN, 'archiveErased'],
    cache: ['decisions of the tenant end', 'suspension of the tenant, time to live', PROMISED, 'atOnce'],
    outbox: ['new rows there; here they become tombstones', 'capture triggers, erasure', RUN, 'scrubbed'],
    'failed queue': ['its events leave the messages; others stay', 'erasure', RUN, 'erased'],
    'parked objects': ['removed with their versions', 'erasure', RUN, 'erased'],
  },
  'key rotation': {
    canonical: ['storage keys of the cloud rotate by themselves', 'AWS, KMS', 'a year', 'encrypted'],
    evidence: ['keys of the bucket rotate by themselves', 'AWS', 'a year', 'encrypted'],
    ...inStores(['storage keys of the cloud rotate by themselves', 'AWS', 'a year', 'encrypted']),
    'key-value': [
      'protected fields are sealed anew, the storage keys rotate by themselves',
      'distributary keys rotate',
      'the run',
      'rotated',
    ],
    cache: ['storage keys of the cloud rotate by themselves', 'AWS', 'a year', 'encrypted'],
    outbox: ['with the canonical store', 'AWS, KMS', 'a year', 'encrypted'],
    'failed queue': ['keys of the queue service rotate by themselves', 'AWS', 'a year', 'encrypted'],
    'parked objects': ['keys of the bucket rotate by themselves', 'AWS', 'a year', 'encrypted'],
  },
};

/** Every event in every place, with the stores of this catalogue and what their contracts promise. */
export function lifecycleMatrix({ stores }: Catalogue): readonly LifecycleCell[] {
  return LIFECYCLE_EVENTS.flatMap(event =>
    LIFECYCLE_PLACES.map((place): LifecycleCell => {
      const [what, by, within, test] = RULES[event][place];
      const own = stores.filter(store => placeOf(store) === place);
      const promised = within === PROMISED ? promiseOf(own) : within;
      return { event, place, stores: own.map(({ store_name }) => store_name), what, by, within: promised, test };
    }),
  );
}

/** Nothing for what holds no content of an aggregate: the pipeline's own records. */
export function placeOf({ role, engine, aggregates, security }: StoreContract): LifecyclePlace | undefined {
  if (role === 'canonical' && aggregates) return 'canonical';
  if (role === 'canonical') return security.contains_pii && engine === 's3' ? 'evidence' : undefined;
  if (role === 'projection') return engine === 'opensearch' ? 'search' : 'key-value';
  if (role === 'analytics' || role === 'cache' || role === 'archive') return role;
  return aggregates ? 'outbox' : undefined;
}

function promiseOf(stores: readonly StoreContract[]): string {
  const promises = stores.map(({ store_name, freshness_contract: promise }) =>
    promise
      ? `${store_name}: ${durationText(promise.normal_p95)}, alarm at ${durationText(promise.maximum_before_alert)}`
      : store_name,
  );
  return promises.join('; ') || '–';
}

export function lifecyclePage(catalogue: Catalogue): string {
  const cells = lifecycleMatrix(catalogue);
  const sections = LIFECYCLE_EVENTS.flatMap(event => [
    `## ${event[0]!.toUpperCase()}${event.slice(1)}`,
    markdownTable(
      ['Where', 'Stores', 'What happens', 'By', 'Within', 'Tried by'],
      cells
        .filter(cell => cell.event === event)
        .map(({ place, stores, what, by, within, test }) => {
          const { file, name } = LIFECYCLE_TESTS[test];
          return [place, stores.join(', ') || 'pipeline', what, by, within, `\`test/${file}\`: ${name}`];
        }),
    ),
  ]);
  return page(
    '# Lifecycle across the stores',
    'What becomes of an aggregate in every place that its content is in, by what, how soon, and which test tries it.',
    ...sections,
    '## When it is erased',
    markdownTable(['Aggregate', 'Rule of its contract'], retentionRules(catalogue)),
  );
}

const retentionRules = ({ aggregates }: Catalogue): readonly (readonly string[])[] =>
  aggregates.map(({ aggregate, retention }) => {
    if (!retention) return [aggregate, 'never by itself'];
    if ('with' in retention) return [aggregate, `with its ${retention.with}`];
    const { after, over } = retention;
    return [
      aggregate,
      `after \`${after}\`, where \`${over.property}\` is ${over.values.join(', ')}, unless a legal hold is active`,
    ];
  });

import { type Diagnosis, diagnoseSource, diagnoseStore, type SourceFacts, type StoreFacts } from '../core/doctor.ts';
import { diagnoseErasure } from '../core/doctor-erasure.ts';

const SOUND: SourceFacts = {
  version: 170_010,
  walLevel: 'logical',
  isReadOnly: false,
  slots: [
    {
      name: 'relay',
      isActive: true,
      walStatus: 'reserved',
      retainedBytes: 2 ** 20,
      safeBytes: undefined,
      gap: undefined,
    },
  ],
  freeSlots: 9,
  freeSenders: 9,
  publication: {
    name: 'distributary_outbox',
    tables: ['heartbeat', 'outbox'],
    isInsertOnly: true,
    isViaRoot: true,
  },
  deadTriggers: [],
  deadRoles: [],
  outboxAhead: true,
  forbidden: [],
};
const [SLOT] = SOUND.slots;

/** What was found, by its subject. */
const found = ({ findings }: Diagnosis) =>
  findings.map(({ subject, severity, what }) => `${severity} ${subject}: ${what}`);

test('a sound source passes every check', () => {
  const { findings, passed } = diagnoseSource(SOUND);
  expect(findings).toEqual([]);
  expect(passed.length).toBeGreaterThan(5);
});

test.each<[string, Partial<SourceFacts>, string]>([
  ['an old server', { version: 160_004 }, 'broken source: PostgreSQL 16.4'],
  ['no logical decoding', { walLevel: 'replica' }, 'broken source: wal_level is replica: nothing can be decoded'],
  ['a reader', { isReadOnly: true }, 'broken source: the node takes no writes'],
  ['no slot to spare', { freeSlots: 0 }, 'risk source: no replication slot is left'],
  ['no sender to spare', { freeSenders: 0 }, 'risk source: no WAL sender is left'],
  ['no publication', { publication: undefined }, 'broken publication: there is none'],
  [
    'a publication of more than inserts',
    { publication: { ...SOUND.publication!, isInsertOnly: false } },
    'risk publication: distributary_outbox publishes more than inserts',
  ],
  [
    'a publication without heartbeats',
    { publication: { ...SOUND.publication!, tables: ['outbox'] } },
    'broken publication: distributary_outbox leaves out heartbeat',
  ],
  [
    'a publication of partitions',
    { publication: { ...SOUND.publication!, isViaRoot: false } },
    'broken publication: distributary_outbox names partitions, which the relay does not know',
  ],
  [
    'a trigger that is off',
    { deadTriggers: ['cases.emit'] },
    'broken capture: cases.emit do not fire: changes are committed that no store hears of',
  ],
  ['no partition for tomorrow', { outboxAhead: false }, 'risk capture: the outbox has no partition for tomorrow'],
  ['a role that is gone', { deadRoles: ['distributary_relay'] }, 'broken roles: distributary_relay cannot log in'],
  [
    'a function that is forbidden',
    { forbidden: ['capture.case_rows(uuid, integer)'] },
    'broken roles: distributary_reader may not call capture.case_rows(uuid, integer)',
  ],
  ['no slot', { slots: [] }, 'broken slot: there is no logical slot: changes are not kept for the relay'],
  [
    'a lost slot',
    { slots: [{ ...SLOT!, walStatus: 'lost', isActive: false }] },
    'broken slot relay: has lost WAL that was not relayed',
  ],
  [
    'a slot that has vanished',
    { slots: [{ ...SLOT!, walStatus: 'gone', isActive: false }] },
    'broken slot relay: is not there any more',
  ],
  [
    'a slot that was made anew, and a store that has not been rebuilt since',
    { slots: [{ ...SLOT!, gap: { at: 0, stores: ['case-search'] } }] },
    'broken slot relay: was made anew at 1970-01-01T00:00:00.000Z: case-search may miss what was committed before',
  ],
  [
    'a slot about to be lost',
    { slots: [{ ...SLOT!, walStatus: 'unreserved' }] },
    'broken slot relay: is lost at the next checkpoint',
  ],
  ['a slot that nobody reads', { slots: [{ ...SLOT!, isActive: false }] }, 'broken slot relay: nobody reads it'],
  [
    'a slot that retains much',
    { slots: [{ ...SLOT!, retainedBytes: 3 * 2 ** 30, safeBytes: 2 ** 30 }] },
    'risk slot relay: 3,072 MiB of WAL are kept for it; 1,024 MiB more are allowed',
  ],
])('of a source: %s', (_what, change, said) => {
  const diagnosis = diagnoseSource({ ...SOUND, ...change });
  expect(found(diagnosis)).toEqual([said]);
  expect(diagnosis.findings[0]!.todo).not.toBe('');
});

const STORE: StoreFacts = {
  store: 'case-search',
  target: 'case-search.1.1',
  readersSee: 'case-search.1.1',
  concerns: [],
  silent: [],
  watermarkAgeSeconds: 3,
  maximumSeconds: 60,
  failed: 0,
  queues: [
    {
      name: 'case-search',
      role: 'standard',
      visibilitySeconds: 180,
      retentionSeconds: 1_209_600,
      redrivesTo: 'case-search-failed',
    },
    {
      name: 'case-search-failed',
      role: 'failed',
      visibilitySeconds: 30,
      retentionSeconds: 1_209_600,
      redrivesTo: undefined,
    },
  ],
  functionSeconds: 30,
  failedRun: undefined,
  sealed: { fields: ['parties', 'title'], key: '2026-11', defect: undefined },
};
const [STANDARD, FAILED] = STORE.queues;

test('a sound store passes every check', () => {
  expect(diagnoseStore(STORE).findings).toEqual([]);
  const { passed } = diagnoseStore(STORE);
  expect(passed).toContainEqual({ subject: 'case-search', what: 'keeps parties, title sealed under key 2026-11' });
});

test.each<[string, Partial<StoreFacts>, string]>([
  [
    'an index of an older contract',
    {
      concerns: [
        { severity: 'broken', what: 'field zip is text in the index, keyword in the contract', todo: 'rebuild' },
      ],
    },
    'broken case-search: field zip is text in the index, keyword in the contract',
  ],
  [
    'an engine that is down',
    { silent: ['OpenSearch does not answer'] },
    'broken case-search: OpenSearch does not answer',
  ],
  ['no target', { target: undefined, readersSee: undefined }, 'broken case-search: no target is current'],
  [
    'readers who were moved by hand',
    { readersSee: 'case-search.1.0' },
    'broken case-search: readers see case-search.1.0, the control table says case-search.1.1',
  ],
  ['no heartbeat', { watermarkAgeSeconds: undefined }, 'broken case-search: no heartbeat has ever arrived'],
  ['a stale store', { watermarkAgeSeconds: 61 }, 'broken case-search: 61 s behind, the contract allows 60 s'],
  ['failed changes', { failed: 2 }, 'broken case-search: 2 changes have failed for good'],
  ['a failed run', { failedRun: 'rebuild has failed: why' }, 'risk case-search: rebuild has failed: why'],
  [
    'a key that is out of use',
    { sealed: { ...STORE.sealed!, defect: 'key service did not answer: DisabledException' } },
    'broken case-search: key 2026-11 does not seal: key service did not answer: DisabledException',
  ],
  [
    'a queue without a failed queue',
    { queues: [{ ...STANDARD!, redrivesTo: undefined }, FAILED!] },
    'broken queue case-search: has no failed queue: what crashes the projector comes back for ever',
  ],
  [
    'a queue that hides messages too shortly',
    { queues: [{ ...STANDARD!, visibilitySeconds: 60 }, FAILED!] },
    'risk queue case-search: a message is hidden for 60 s, less than 180 s',
  ],
  [
    'a failed queue that forgets',
    { queues: [STANDARD!, { ...FAILED!, retentionSeconds: 345_600 }] },
    'risk queue case-search-failed: failed changes are forgotten after 345600 s',
  ],
])('of a store: %s', (_what, change, said) => {
  const diagnosis = diagnoseStore({ ...STORE, ...change });
  expect(found(diagnosis)).toEqual([said]);
  expect(diagnosis.findings[0]!.todo).not.toBe('');
});

test('a purge that stays due, and an erasure that has failed, are told with what to do', () => {
  expect(diagnoseErasure({ waiting: 3, oldestSeconds: 1700, failure: undefined })).toMatchObject({ findings: [] });
  expect(found(diagnoseErasure({ waiting: 3, oldestSeconds: 1800, failure: 'no answer' }))).toEqual([
    'broken erasure: 3 purged by command have traces left, the oldest for 30 min',
    'risk erasure: it has failed: no answer',
  ]);
});

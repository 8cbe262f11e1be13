/** A test by its file below test/ and its name, or the part of it that is not made up at run time. */
export interface NamedTest {
  readonly file: string;
  readonly name: string;
}

const test = (file: string, name: string): NamedTest => ({ file, name });

/** The tests that try the cells of the lifecycle matrix; a test holds that each of them exists. */
export const LIFECYCLE_TESTS = {
  captured: test(
    'canonical-capture.local.ts',
    'a transaction leaves one row for an aggregate, with what all its statements made',
  ),
  converges: test(
    'convergence.sim.ts',
    'any history, under any repetition, order, batching and crash, converges to a rebuild; dead letters wait and then land',
  ),
  agrees: test('verify.local.ts', 'untouched stores agree'),
  history: test(
    'convergence.sim.ts',
    'a store that keeps history is given every version of a batch, others only the newest',
  ),
  failedReason: test(
    'projector.local.ts',
    'one poisoned change goes to the failed queue with its reason and without its content in it; its neighbour lands',
  ),
  uploaded: test('api-commands.local.ts', 'a case goes from its opening to its purge, each step with a new version'),
  final: test('canonical-history.local.ts', 'the content of evidence and a decision are final'),
  byReference: test(
    'relay.test.ts',
    'a state too large for a message travels by reference, and its transaction waits for it',
  ),
  archived: test('archive.local.ts', 'a document is locked for the period from its commit on, a marker is not'),
  archiveHold: test(
    'archive.local.ts',
    'a hold is placed on every version of its case, whatever the order, and lifted from them',
  ),
  archiveErased: test('archive.local.ts', 'what a purge erases is gone, and the manifest says so; what is held stays'),
  overtakes: test('api-priority.local.ts', 'is in force at once in what is read'),
  atOnce: test('api-queries.local.ts', 'drops at once what was taken away since the store saw it, and counts that'),
  erased: test(
    'erasure.local.ts',
    'the drill: what was in every table, store, bucket and failed queue is nowhere, and no other is touched',
  ),
  held: test('erasure.local.ts', 'a legal hold stops it everywhere; once it is released, it goes'),
  retention: test('erasure.local.ts', 'retention: what is over goes, what is held or not over stays'),
  late: test(
    'erasure.local.ts',
    'what comes late brings nothing back: the document stays buried, the fact is blanked by compaction, the rest by the night',
  ),
  neverBack: test(
    'erasure.sim.ts',
    'erased at any point of the pipeline, with repetitions and late messages, nothing is left in any store',
  ),
  heldInDatabase: test('canonical-invariants.local.ts', 'of a case that is put on hold at the same moment'),
  scrubbed: test('canonical-erasure.local.ts', 'outbox and history change in no other way, not even for their owner'),
  migrated: test('canonical-migrate.local.ts', 'new ones are applied in order, a repeatable one when its text differs'),
  planned: test(
    'contract-plan.test.ts',
    'a value that no store reads asks for a deployment, one that a projector may read for a rebuild',
  ),
  rebuilt: test(
    'rebuild.local.ts',
    'rollback is at once and back again, and both are in the audit log with who and why',
  ),
  moved: test(
    'tenant-move.local.ts',
    'everything of a case goes along, on the priority lane, each with its key and a higher version',
  ),
  movedOnce: test(
    'tenant-move.local.ts',
    'nobody of either tenant sees a case twice or too long, in the canonical store and in a search',
  ),
  movedAll: test(
    'protection.local.ts',
    'tenant move: every store has every case under the new tenant, and none under the old; an erasure looks under both',
  ),
  departed: test(
    'tenant-transfer.local.ts',
    'the whole way, killed at every step: never seen in both places, every table and state as it was, every version above',
  ),
  rotated: test(
    'protection.local.ts',
    'keys rotate puts the rest under the young key, says how far it is, and nobody notices',
  ),
  encrypted: test('nag.synth.ts', 'cdk-nag finds nothing in %s that is not acknowledged'),
} as const satisfies Readonly<Record<string, NamedTest>>;
export type LifecycleTest = keyof typeof LIFECYCLE_TESTS;

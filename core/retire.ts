/** The ten steps of removing a store, in their order (requirements 000 §14). */
export const RETIRE_STEPS = [
  { id: 'consumers', title: 'identify consumers' },
  { id: 'telemetry', title: 'telemetry for all reads and writes' },
  { id: 'freeze', title: 'freeze new dependencies' },
  { id: 'move', title: 'move consumers to the replacement' },
  { id: 'compare', title: "shadow compare the replacement's behaviour" },
  { id: 'stop-writes', title: 'disable writes' },
  { id: 'archive', title: 'archive' },
  { id: 'delete', title: 'delete after retention approval' },
  { id: 'credentials', title: 'remove credentials and access policies' },
  { id: 'documentation', title: 'remove documentation references' },
] as const;
export type RetireStep = (typeof RETIRE_STEPS)[number]['id'];

/** Steps that nobody can vouch for: the tool does them, and only when told to by name. */
export const DESTRUCTIVE: readonly RetireStep[] = ['stop-writes', 'delete'];

/** A comparison of the replacement that has ended. */
export interface Compared {
  /** When it ended, in milliseconds since 1970. */
  readonly at: number;
  /** Of the target that its readers see now. */
  readonly isOfCurrent: boolean;
  /** From the first key to the last; a run with a budget compares a part. */
  readonly isWhole: boolean;
  readonly mismatches: number;
  /** Differences of which nobody knows what they are: the watermark stood still, or there were too many. */
  readonly unjudged: number;
}

/** Hours for which a comparison proves something: each night makes the next, and one of them may fail. */
export const MAX_PROOF_HOURS = 48;

/** What is known when a step is judged; times in milliseconds since 1970. */
export interface RetireFacts {
  readonly now: number;
  readonly servedUseCases: readonly string[];
  readonly lastReads: ReadonlyMap<string, number>;
  /** Without a read for so long a consumer has moved. */
  readonly quietMs: number;
  readonly frozen: boolean;
  readonly writesStopped: boolean;
  readonly replacement: string | null;
  /** Comparisons of the replacement, newest first. */
  readonly compared: readonly Compared[];
  /** Where the archive lies, once it is whole. */
  readonly archivedTo: string | null;
  /** Who approved of the deletion, and from when on. */
  readonly approval: { readonly by: string; readonly notBefore: number } | null;
  readonly targets: readonly string[];
  /** Its queues, function and permissions are there. */
  readonly deployed: boolean;
  /** Files that name it; undefined when nobody has looked. */
  readonly documentedIn: readonly string[] | undefined;
  /** Steps that somebody vouches for, with a reason in the audit log. */
  readonly attested: readonly RetireStep[];
}

export type StepState =
  | { readonly kind: 'done'; readonly evidence: string }
  /** The tool does it next. */
  | { readonly kind: 'due'; readonly what: string; readonly destructive: boolean }
  /** Somebody else has to do something first. */
  | { readonly kind: 'blocked'; readonly what: string; readonly todo: string };

const done = (evidence: string): StepState => ({ kind: 'done', evidence });
const blocked = (what: string, todo: string): StepState => ({ kind: 'blocked', what, todo });
const due = (what: string, destructive = false): StepState => ({ kind: 'due', what, destructive });

/** The state of one step; what the facts show counts for more than what somebody says. */
export function judgeStep(step: RetireStep, facts: RetireFacts): StepState {
  const state = JUDGES[step](facts);
  const vouched = facts.attested.includes(step) && !DESTRUCTIVE.includes(step);
  return state.kind !== 'done' && vouched ? done('somebody vouches for it: see the audit log') : state;
}

const HOUR_MS = 3_600_000;
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** Why the replacement may be another than the canonical store says; nothing once a comparison of all of it proves the contrary. */
function doubtOf(compared: readonly Compared[], now: number): string | undefined {
  const recent = compared.filter(({ at }) => now - at <= MAX_PROOF_HOURS * HOUR_MS);
  for (const { at, isOfCurrent, isWhole, mismatches, unjudged } of recent) {
    const when = new Date(at).toISOString();
    if (!isOfCurrent) return `its readers see another target than the one that was compared at ${when}`;
    if (mismatches > 0) return `${mismatches} of its documents differed at ${when}`;
    if (unjudged > 0) return `${unjudged} differences could not be judged at ${when}`;
    if (isWhole) return undefined;
  }
  return `nobody has compared all of it in the last ${MAX_PROOF_HOURS} hours`;
}

const JUDGES: Readonly<Record<RetireStep, (facts: RetireFacts) => StepState>> = {
  consumers({ servedUseCases, lastReads }) {
    const all = [...new Set([...servedUseCases, ...lastReads.keys()])].sort();
    return done(`use cases of its contract, and whoever has read: ${all.join(', ')}`);
  },

  telemetry({ lastReads }) {
    if (lastReads.size > 0) return done(`reads of ${lastReads.size} use cases are recorded`);
    const todo = 'let every reader ask functions/reads.ts, or vouch that nobody reads it: --attest telemetry';
    return blocked('no read was ever recorded: a reader that does not ask cannot be seen', todo);
  },

  freeze: ({ frozen }) => (frozen ? done('no new use case may read it') : due('let no new use case read it')),

  move({ lastReads, quietMs, now, replacement }) {
    const busy = [...lastReads].filter(([, at]) => now - at < quietMs);
    if (busy.length === 0) return done('every consumer has been quiet for long enough');
    const names = busy.map(([useCase, at]) => `${useCase} (${new Date(at).toISOString()})`).join(', ');
    return blocked(`still read by ${names}`, `move them to ${replacement ?? 'what they can do without'}, then wait`);
  },

  compare({ replacement, compared, now, writesStopped, targets }) {
    if (replacement === null) {
      return blocked(
        'no replacement is named',
        'name one with --replacement, or vouch that none is needed: --attest compare',
      );
    }
    if (writesStopped && targets.length === 0) return done('nothing is left of it: its readers have moved for good');
    const doubt = doubtOf(compared, now);
    if (doubt === undefined) return done(`${replacement} was compared with the canonical store, and nothing differed`);
    const todo = `distributary drift ${replacement} proves it for ${MAX_PROOF_HOURS} hours, after --repair where it differs; or compare what its readers see, and --attest compare`;
    return blocked(`${replacement} is not proven: ${doubt}`, todo);
  },

  'stop-writes': ({ writesStopped }) =>
    writesStopped
      ? done('no change is written to it any more')
      : due('close it to reads, and let changes pass by', true),

  archive: ({ archivedTo }) => (archivedTo === null ? due('copy all of it to the archive') : done(`in ${archivedTo}`)),

  delete({ targets, approval, now }) {
    if (targets.length === 0) return done('nothing of it is left');
    if (approval === null) {
      return blocked('nobody has approved', '--approve NAME [--not-before DATE] once retention allows it');
    }
    if (now < approval.notBefore) return blocked(`approved from ${dayOf(approval.notBefore)} on`, 'wait until then');
    return due(`delete ${targets.join(', ')}, as ${approval.by} approved`, true);
  },

  credentials: ({ deployed }) =>
    deployed
      ? blocked('its queues, function and permissions are there', 'remove its file under contracts/stores, and deploy')
      : done('its function, queues and permissions are gone'),

  documentation({ documentedIn }) {
    if (documentedIn === undefined) return blocked('nobody has looked', 'run this where the repository is');
    if (documentedIn.length === 0) return done('no file names it');
    return blocked(`named in ${documentedIn.join(', ')}`, 'remove it there');
  },
};

export interface RetireStatus {
  readonly step: RetireStep;
  readonly title: string;
  readonly state: StepState;
}

/** The steps up to the first that is not done, which is the one to do; those after it wait. */
export function retireStatus(facts: RetireFacts): readonly RetireStatus[] {
  const all: RetireStatus[] = [];
  let waiting = false;
  for (const { id: step, title } of RETIRE_STEPS) {
    const state = judgeStep(step, facts);
    all.push({
      step,
      title,
      state: waiting && state.kind === 'due' ? blocked('the steps before it', 'do them first') : state,
    });
    waiting ||= state.kind !== 'done';
  }
  return all;
}

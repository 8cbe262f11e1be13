import type { Json } from './change.ts';
import type { AggregateId, TenantId, Version } from './version.ts';

/** A question that readers ask of a store: one of these, or several at once. */
export interface ShadowQuery {
  /** What the report calls it; names fields, never values. */
  readonly name: string;
  /** Words to be found in any text field. Order is by relevance then, else by key. */
  readonly text?: string | undefined;
  /** Field → its value. */
  readonly where?: Readonly<Record<string, Json>> | undefined;
  /** Look-up through this index of the contract, whose keys are in `where`. */
  readonly index?: string | undefined;
  readonly key?: AggregateId | undefined;
}

/** For whom it is asked: a tenant sees its own. */
export type Principal = { readonly kind: 'everyone' } | { readonly kind: 'tenant'; readonly tenant: TenantId };

export interface Hit {
  readonly key: AggregateId;
  readonly tenant: TenantId;
  readonly version: Version;
}

/** `hits` are the first of `total`, in the order in which readers see them. */
export type Asked = { readonly milliseconds: number } & (
  | { readonly ok: true; readonly total: number; readonly hits: readonly Hit[] }
  | { readonly ok: false; readonly code: string }
);

export const SIDES = ['current', 'candidate'] as const;
export type Side = (typeof SIDES)[number];

export interface Question {
  readonly query: ShadowQuery;
  readonly principal: Principal;
}

/** What both said to one question. */
export type Answers = Readonly<Record<Side, Asked>>;

/** Keys that the current target has otherwise than they are. */
export interface Apart {
  readonly count: number;
  /** All of them, or some. */
  readonly keys: ReadonlySet<AggregateId>;
}
const NOWHERE: Apart = { count: 0, keys: new Set() };

export interface ShadowPorts {
  /** Both sides' answers, in the order of the questions; `isAgain`: what was written a moment ago shall be seen on both. */
  ask(questions: readonly Question[], isAgain: boolean): Promise<readonly Answers[]>;
  /** Where the current target itself is wrong or late, which is no fault of the candidate. @default nowhere */
  readonly apart?: Apart | undefined;
  /** Between two looks at what differs or is slow: the time that a change on its way needs. */
  pause(): Promise<void>;
}

/** What was different for one query, asked for one principal. */
export interface Difference {
  readonly query: string;
  readonly principal: Principal['kind'];
  readonly currentTotal: number | undefined;
  readonly candidateTotal: number | undefined;
  /** Among the first results of the current target, and not of the candidate. */
  readonly missing: readonly AggregateId[];
  /** Among the candidate's, and not the principal's to see. */
  readonly exposed: readonly AggregateId[];
}

export interface ShadowReport {
  /** Questions, each asked on both sides. */
  readonly asked: number;
  /** Answers with the same total, but for what is apart. */
  readonly sameTotal: number;
  /** Of the current target's first results the part that the candidate's have too; 1 without results. */
  readonly overlap: number;
  readonly missing: number;
  readonly exposed: number;
  readonly errors: Readonly<Record<Side, number>>;
  /** Of the fastest answer to each question. */
  readonly p95Milliseconds: Milliseconds;
  readonly differences: readonly Difference[];
}

type Milliseconds = Readonly<Record<Side, number>>;

/** A change on its way is there soon; where many are, some question has one of them between its two answers each time. */
const LOOKS = 6;
const KEPT_DIFFERENCES = 50;

/**
 * Asks every query for every principal on both sides. What differs is asked again, for a change may be on its way; and what
 * is slow, for a machine may be busy for a moment: a candidate that is slow by itself is slow each time.
 */
export async function shadowReads(
  { ask, pause, apart = NOWHERE }: ShadowPorts,
  queries: readonly ShadowQuery[],
  principals: readonly Principal[],
): Promise<ShadowReport> {
  let open: readonly Open[] = queries.flatMap(query =>
    principals.map(principal => ({ question: { query, principal }, fastest: NEVER })),
  );
  const settled: Compared[] = [];
  for (let look = 1; open.length > 0; look++) {
    const questions = open.map(({ question }) => question);
    const answers = await ask(questions, look > 1);
    const compared = open.map((one, index) => compare(one, answers[index]!, apart));
    const isSettled = ({ isSame, fastest }: Compared) => (isSame && !isSlow(fastest)) || look === LOOKS;
    settled.push(...compared.filter(isSettled));
    open = compared.flatMap((one, index) =>
      isSettled(one) ? [] : [{ question: questions[index]!, fastest: one.fastest }],
    );
    if (open.length > 0) await pause();
  }
  return summarise(settled);
}

/** A question that is still to be asked, and its fastest answers so far. */
interface Open {
  readonly question: Question;
  readonly fastest: Milliseconds;
}
const NEVER: Milliseconds = { current: Number.POSITIVE_INFINITY, candidate: Number.POSITIVE_INFINITY };

interface Compared extends Difference {
  readonly current: Asked;
  readonly candidate: Asked;
  readonly overlap: number;
  readonly isSameTotal: boolean;
  readonly isSame: boolean;
  readonly fastest: Milliseconds;
}

function compare({ question, fastest }: Open, { current, candidate }: Answers, apart: Apart): Compared {
  const { query, principal } = question;
  const [ours, theirs] = [hitsOf(current), hitsOf(candidate)];
  const there = new Set(theirs.map(({ key }) => key));
  const isExplained = (key: AggregateId): boolean => apart.keys.has(key) || apart.count > apart.keys.size;
  const lost = ours.filter(({ key }) => !there.has(key) && !isExplained(key)).map(({ key }) => key);
  const exposed = theirs
    .filter(({ tenant }) => principal.kind === 'tenant' && tenant !== principal.tenant)
    .map(({ key }) => key);
  const [currentTotal, candidateTotal] = [totalOf(current), totalOf(candidate)];
  const isSameTotal =
    currentTotal === undefined || candidateTotal === undefined
      ? currentTotal === candidateTotal
      : Math.abs(currentTotal - candidateTotal) <= apart.count;
  // By relevance two indexes may differ in the first results: what either has deleted still weighs in its scores.
  const missing = query.text !== undefined && isSameTotal ? [] : lost;
  return {
    query: query.name,
    principal: principal.kind,
    current,
    candidate,
    currentTotal,
    candidateTotal,
    missing,
    exposed,
    overlap: ours.length === 0 ? 1 : 1 - lost.length / ours.length,
    isSameTotal,
    isSame: isSameTotal && missing.length === 0 && exposed.length === 0 && candidate.ok,
    fastest: { current: faster(fastest.current, current), candidate: faster(fastest.candidate, candidate) },
  };
}

/** A failure is no answer, however soon it comes. */
const faster = (before: number, asked: Asked): number => (asked.ok ? Math.min(before, asked.milliseconds) : before);

const hitsOf = (asked: Asked): readonly Hit[] => (asked.ok ? asked.hits : []);
const totalOf = (asked: Asked): number | undefined => (asked.ok ? asked.total : undefined);

function summarise(settled: readonly Compared[]): ShadowReport {
  const sum = (of: (compared: Compared) => number) => settled.reduce((total, one) => total + of(one), 0);
  return {
    asked: settled.length,
    sameTotal: settled.filter(one => one.current.ok && one.isSameTotal).length,
    overlap: settled.length === 0 ? 1 : sum(({ overlap }) => overlap) / settled.length,
    missing: sum(({ missing }) => missing.length),
    exposed: sum(({ exposed }) => exposed.length),
    errors: { current: sum(one => (one.current.ok ? 0 : 1)), candidate: sum(one => (one.candidate.ok ? 0 : 1)) },
    p95Milliseconds: { current: p95(settled, 'current'), candidate: p95(settled, 'candidate') },
    differences: settled
      .filter(({ isSame }) => !isSame)
      .slice(0, KEPT_DIFFERENCES)
      .map(({ query, principal, currentTotal, candidateTotal, missing, exposed }) => ({
        query,
        principal,
        currentTotal,
        candidateTotal,
        missing,
        exposed,
      })),
  };
}

function p95(settled: readonly Compared[], side: Side): number {
  const times = settled.map(({ fastest }) => fastest[side]).filter(Number.isFinite);
  return times.sort((a, b) => a - b)[Math.ceil(times.length * 0.95) - 1] ?? 0;
}

/** What a candidate has to keep to before readers move to it. */
const GATE = {
  /** Part of the answers that have the same total. */
  leastSameTotal: 0.99,
  leastOverlap: 0.9,
  /** Times the current target's, and at least so many milliseconds more: small numbers vary by themselves. */
  mostSlowdown: 2,
  slowdownMilliseconds: 100,
} as const;

const isSlow = ({ current, candidate }: Milliseconds): boolean =>
  candidate > GATE.mostSlowdown * current && candidate - current > GATE.slowdownMilliseconds;

export interface Gate {
  readonly passes: boolean;
  readonly reasons: readonly string[];
}

/** Whether readers may move to the candidate. What would show somebody more than before never may. */
export function shadowGate(report: ShadowReport): Gate {
  const { asked, sameTotal, overlap, missing, exposed, errors, p95Milliseconds: times } = report;
  const percent = (part: number) => `${(part * 100).toFixed(1)}%`;
  const reasons: string[] = [];
  if (asked === 0) reasons.push('nothing was asked: name queries in a file, or wait for the store to hold something');
  if (exposed > 0) reasons.push(`${exposed} results are not for those who asked`);
  if (missing > 0) reasons.push(`${missing} first results are missing`);
  if (errors.candidate > errors.current) {
    reasons.push(`${errors.candidate} queries fail on the candidate, ${errors.current} on the current target`);
  }
  if (asked > 0 && sameTotal / asked < GATE.leastSameTotal) {
    reasons.push(`${asked - sameTotal} of ${asked} answers have another number of results`);
  }
  if (overlap < GATE.leastOverlap) reasons.push(`the first results agree by ${percent(overlap)} only`);
  if (isSlow(times)) {
    reasons.push(`p95 is ${Math.round(times.candidate)} ms, the current target's ${Math.round(times.current)} ms`);
  }
  return { passes: reasons.length === 0, reasons };
}

/** What a change of a contract asks for, the least first. */
export const ACTIONS = ['nothing', 'deploy', 'rebuild', 'new store', 'retire'] as const;
export type Action = (typeof ACTIONS)[number];

export interface PlanStep {
  readonly subject: string;
  /** Key that changed, e.g. `fields.title.type`. */
  readonly key: string;
  readonly from: unknown;
  readonly to: unknown;
  readonly action: Action;
  readonly reason: string;
}

/** Whether a deployment alone carries it out: what a pipeline may do unattended. */
export const needsAnOperator = ({ action }: PlanStep): boolean => ACTIONS.indexOf(action) > ACTIONS.indexOf('deploy');

export interface Difference {
  readonly key: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** The deepest keys at which two values differ; lists are compared whole. */
export function differences(from: unknown, to: unknown, key: string): readonly Difference[] {
  if (!isRecord(from) || !isRecord(to)) return same(from, to) ? [] : [{ key, from, to }];
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return keys.flatMap(inner => differences(from[inner], to[inner], `${key}.${inner}`));
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

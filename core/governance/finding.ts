import { type Catalogue, placeOf } from '../catalogue.ts';
import type { Place } from '../errors.ts';
import type { Path } from '../yaml.ts';

/**
 * `pass`: it holds. `fail`: the contract says the wrong thing. `missing`: a sentence that nobody has written yet.
 * `exempt`: the question does not arise for this store.
 */
export type Result = 'pass' | 'fail' | 'missing' | 'exempt';

/** What a rule says of one store or aggregate. */
export interface Finding {
  /** Kebab-case and stable, e.g. `drift-detection`. */
  readonly rule: string;
  /** What is asked, in the words of the requirements. */
  readonly asks: string;
  readonly from: 'checklist' | 'justification' | 'authority';
  /** The store's or aggregate's name. */
  readonly subject: string;
  readonly result: Result;
  readonly message: string;
  readonly hint?: string | undefined;
  /** The key concerned, e.g. `governance.decision.exit_plan`. */
  readonly key: string;
  readonly place: Place;
}

export const isProblem = ({ result }: Finding): boolean => result === 'fail' || result === 'missing';

/** A rule's answer before it is placed. */
export interface Verdict {
  readonly result: Result;
  readonly message: string;
  readonly path: Path;
  readonly hint?: string | undefined;
}

export const pass = (path: Path, message: string): Verdict => ({ result: 'pass', message, path });
export const fail = (path: Path, message: string, hint: string): Verdict => ({ result: 'fail', message, path, hint });
export const missing = (path: Path, message: string, hint: string): Verdict => ({
  result: 'missing',
  message,
  path,
  hint,
});
export const exempt = (path: Path, message: string): Verdict => ({ result: 'exempt', message, path });

type Rule = Pick<Finding, 'rule' | 'asks' | 'from'>;

/** Puts a verdict where an editor finds it. */
export function finding(
  catalogue: Catalogue,
  kind: 'stores' | 'aggregates',
  subject: string,
  { rule, asks, from }: Rule,
  { result, message, path, hint }: Verdict,
): Finding {
  const place = placeOf(catalogue, kind, subject, path);
  return { rule, asks, from, subject, result, message, hint, key: path.map(String).join('.'), place };
}

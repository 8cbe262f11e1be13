import { type Catalogue, placesOf } from '../catalogue.ts';
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

export interface Answer extends Pick<Finding, 'rule' | 'asks' | 'from'> {
  readonly verdict: Verdict;
}

/** Puts the answers of one contract where an editor finds them. */
export function findingsOf(
  catalogue: Catalogue,
  kind: 'stores' | 'aggregates',
  subject: string,
  answers: readonly Answer[],
): readonly Finding[] {
  const paths = answers.map(({ verdict }) => verdict.path);
  const places = placesOf(catalogue, kind, subject, paths);
  return answers.map(({ rule, asks, from, verdict: { result, message, path, hint } }, index) => {
    const key = path.map(String).join('.');
    return { rule, asks, from, subject, result, message, hint, key, place: places[index]! };
  });
}

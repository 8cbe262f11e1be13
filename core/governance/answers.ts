import type { StoreContract } from '../store-contract.ts';
import { missing, pass, type Verdict } from './finding.ts';

/** A dotted key of a contract, and what should be written there when nothing is. */
export interface Question {
  readonly key: string;
  readonly hint: string;
}

/** All of these are answered, or the first that is not. `said` is what a pass reads as. */
export function answered(store: StoreContract, said: string, questions: readonly Question[]): Verdict {
  const open = questions.find(({ key }) => valueAt(store, key) === undefined);
  if (!open) return pass(pathOf(questions[0]!.key), said);
  return missing(pathOf(open.key), `${open.key} is not there`, open.hint);
}

const pathOf = (key: string): readonly string[] => key.split('.');

function valueAt(store: StoreContract, key: string): unknown {
  let value: unknown = store;
  for (const step of key.split('.')) value = (value as Readonly<Record<string, unknown>> | undefined)?.[step];
  return value;
}

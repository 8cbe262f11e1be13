import type { Field, StoreContract } from '../store-contract.ts';
import { type PlanStep, same } from './plan-step.ts';

/** Keys of a field that change what a reader is shown, not what is stored. */
const READ_KEYS: readonly string[] = ['pii', 'visible_to'];

/** Changes of the documents' shape: whatever lies there already lacks, or still has, what changed. */
export function fieldSteps(
  before: StoreContract,
  after: StoreContract,
  key: 'fields' | 'indexes',
): readonly PlanStep[] {
  const [from, to] = [before[key] ?? {}, after[key] ?? {}] as [
    Readonly<Record<string, object>>,
    Readonly<Record<string, object>>,
  ];
  const subject = after.store_name;
  return [...new Set([...Object.keys(from), ...Object.keys(to)])].flatMap(name => {
    const [was, is] = [from[name], to[name]];
    if (same(was, is)) return [];
    if (key === 'fields' && was && is) return changedField(subject, name, was as Field, is as Field);
    const reason = shapeReason(key, name, was, is) + versionReminder(before, after);
    return [{ subject, key: `${key}.${name}`, from: was, to: is, action: 'rebuild' as const, reason }];
  });
}

function shapeReason(key: 'fields' | 'indexes', name: string, was: unknown, is: unknown): string {
  if (key === 'indexes') return 'a table takes its indexes when it is made';
  if (!was) return `documents that are there lack ${name}`;
  return is ? `${name} has another shape` : `documents that are there still have ${name}`;
}

function changedField(subject: string, name: string, was: Field, is: Field): readonly PlanStep[] {
  const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])] as (keyof Field)[];
  return keys
    .filter(key => !same(was[key], is[key]))
    .map(key => {
      const step = { subject, key: `fields.${name}.${key}`, from: was[key], to: is[key] };
      if (key === 'description') return { ...step, action: 'nothing', reason: 'people read it, no function does' };
      if (READ_KEYS.includes(key))
        return { ...step, action: 'deploy', reason: 'readers mask by it; what is stored stays' };
      if (key === 'protected' && is.protected)
        return { ...step, action: 'deploy', reason: `then seal what is there: distributary keys rotate ${subject}` };
      return { ...step, action: 'rebuild', reason: `documents that are there have the other ${key}` };
    });
}

const versionReminder = (before: StoreContract, after: StoreContract): string =>
  after.schema_evolution.document_version > before.schema_evolution.document_version
    ? ''
    : '; raise schema_evolution.document_version';

import type { OperationName } from '../operate/operations.ts';

/** `viewer` sees everything and changes nothing; `operator` acts too. */
export const CONSOLE_ROLES = ['viewer', 'operator'] as const;
export type ConsoleRole = (typeof CONSOLE_ROLES)[number];

/** Who is at the console. */
export interface Person {
  readonly name: string;
  readonly role: ConsoleRole;
  /** What the issuer tells people apart by: names may be chosen, and be given anew. */
  readonly subject?: string | undefined;
}

/** Who it was, for the audit log. */
export const actorOf = ({ name, subject }: Person): string => (subject === undefined ? name : `${name} (${subject})`);

/** What the console may ask of the operations function, and the least role that may ask it. Nothing else passes. */
const PERMITTED: Readonly<Partial<Record<OperationName, ConsoleRole>>> = {
  'failures.list': 'viewer',
  'rebuild.plan': 'viewer',
  'run.list': 'viewer',
  'run.read': 'viewer',
  'audit.list': 'viewer',
  'rebuild.start': 'operator',
  'rebuild.rollback': 'operator',
  'drift.start': 'operator',
  'failures.redrive': 'operator',
  'run.pause': 'operator',
  'run.resume': 'operator',
  'run.cancel': 'operator',
};

export type Permission = 'permitted' | 'needs-operator' | 'unknown';

export function permissionOf(operation: string, { role }: Person): Permission {
  const least = Object.hasOwn(PERMITTED, operation) ? PERMITTED[operation as OperationName] : undefined;
  if (least === undefined) return 'unknown';
  return least === 'operator' && role !== 'operator' ? 'needs-operator' : 'permitted';
}

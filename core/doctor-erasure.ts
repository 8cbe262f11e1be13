import type { Diagnosis, Finding } from './doctor.ts';
import { PURGE_ALARM_MINUTES, PURGE_LOOK_MINUTES } from './erasure.ts';

/** What was purged by command, and what keeps it from being gone. */
export interface ErasureFacts {
  readonly waiting: number;
  /** Of the one that waits longest. */
  readonly oldestSeconds: number;
  /** Why the last erasure has failed. */
  readonly failure: string | undefined;
}

export function diagnoseErasure({ waiting, oldestSeconds, failure }: ErasureFacts): Diagnosis {
  const findings: Finding[] = [];
  const minutes = Math.round(oldestSeconds / 60);
  if (minutes >= PURGE_ALARM_MINUTES) {
    const what = `${waiting} purged by command have traces left, the oldest for ${minutes} min`;
    const todo = 'distributary runs erasure says what stays where; distributary retention tries again';
    findings.push({ subject: 'erasure', severity: 'broken', what, todo });
  }
  if (failure !== undefined) {
    const todo = `mend what it says: it goes on by itself within ${PURGE_LOOK_MINUTES} minutes`;
    findings.push({ subject: 'erasure', severity: 'risk', what: `it has failed: ${failure}`, todo });
  }
  const what = 'nothing that was purged has left traces for long';
  return { findings, passed: findings.length === 0 ? [{ subject: 'erasure', what }] : [] };
}

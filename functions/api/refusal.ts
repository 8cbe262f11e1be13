import pg from 'pg';
import { Problem } from './problem.ts';

/** What the rules of the canonical store are called to a caller, by the name of the constraint. */
const RULES: Readonly<Record<string, string>> = {
  legal_transition: 'the case cannot take that status from the one it has',
  transition_needs_decision: 'that status needs a decision first: record one of kind reopening',
  closed_case_has_no_open_task: 'the case still has open tasks: finish them first',
  closed_case_takes_no_task: 'a closed case takes no task: reopen it first',
  closed_with_an_outcome: 'a case is closed with an outcome, and has none otherwise',
  legal_hold_forbids_purge: 'the case is under a legal hold: release it first',
  correction_supersedes: 'a correction names the decision that it corrects, and only a correction does',
  decision_supersedes_one_of_same_case: 'the decision to correct is none of this case',
  evidence_once_per_case: 'the case has this content already',
  one_active_primary_investigator: 'the case has a primary investigator already',
  one_role_at_a_time: 'the person has a role there at that time already',
  role_fits_tenant: 'that role is not one of that tenant',
  membership_ends_after_it_began: 'a membership ends after it began',
  case_reference_unique: 'a case with this reference is there already',
  identifier_never_reused: 'this id was used before',
  tenant_departs: 'the company goes over to another deployment: nothing of it can be changed here',
};

/** SQLSTATEs that a later try may not meet. */
const PASSING = /^(08|40|53|55P03|57)/;
const RETRY_AFTER_SECONDS = 2;

/** What an error of the canonical store means to a caller; of what it cannot say nothing is told. */
export function refusalOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (!(error instanceof pg.DatabaseError)) {
    return new Problem('unavailable', 'the canonical store does not answer', { retryAfter: 2, cause: error });
  }
  const { code = '', constraint = '' } = error;
  const more = { cause: error };
  const rule = RULES[constraint];
  if (rule) return new Problem(code === '23505' ? 'already-there' : 'rule-violated', rule, more);
  if (code === '42501') return new Problem('forbidden', 'the canonical store refuses it', more);
  if (code === '23505') return new Problem('already-there', 'something of this name or id is there already', more);
  if (code === '23503') return new Problem('rule-violated', 'it refers to something that is not there', more);
  if (code.startsWith('22')) return new Problem('request-invalid', 'a value is out of its range', more);
  if (code.startsWith('23')) return new Problem('rule-violated', 'a rule of the canonical store forbids it', more);
  if (PASSING.test(code)) {
    return new Problem('unavailable', 'the case is busy', { retryAfter: RETRY_AFTER_SECONDS, cause: error });
  }
  return new Problem('internal-error', 'the request was not carried out', more);
}

/**
 * Who may see and do what: written once, here. It is enforced four times, each by a derivation of this: row-level
 * security (canonical/008-authorization.sql), the filter of every search (policy-filter.ts), the mask of every answer
 * (policy-mask.ts), and `may` on the case as it is now, before a restricted view and any command. A test generates people and
 * cases and holds the four together.
 */

/** What a membership makes of a person. The first three are of the bureau. */
export const PERSON_ROLES = ['investigator', 'supervisor', 'analyst', 'company-user'] as const;
export type PersonRole = (typeof PERSON_ROLES)[number];

/** One membership, with the tenant that it is in. Times are milliseconds since 1970; `validTo` is exclusive. */
export interface Membership {
  readonly tenant: string;
  readonly kind: 'bureau' | 'company';
  readonly role: PersonRole;
  readonly validFrom: number;
  readonly validTo: number | null;
  /** Nobody may act for the tenant. */
  readonly suspended: boolean;
}

/** What a person is at a moment: the bureau's for all tenants, a company's for one. */
export interface Standing {
  readonly user: string;
  readonly role: PersonRole;
  /** The company that it acts for; absent for the bureau, which sees all. */
  readonly tenant?: string;
}

/** What the policy goes by of a case. */
export interface CaseFacts {
  readonly tenant: string;
  readonly restricted: boolean;
  /** Who works on it now, in any part. */
  readonly assigned: readonly string[];
}

const isValid = ({ validFrom, validTo, suspended }: Membership, at: number): boolean =>
  !suspended && validFrom <= at && (validTo === null || validTo > at);

/**
 * What the person is now. Who is of the bureau is so whatever it acts for; others are of the company they act for, which
 * may be left out by those who have one only. Nothing for those who are nobody here.
 */
export function standingOf(
  user: string,
  memberships: readonly Membership[],
  at: number,
  actingFor?: string,
): Standing | undefined {
  const valid = memberships.filter(membership => isValid(membership, at));
  const bureau = valid.find(({ kind }) => kind === 'bureau');
  if (bureau) return { user, role: bureau.role };
  const companies = valid.filter(({ tenant }) => actingFor === undefined || tenant === actingFor);
  const [company] = companies;
  return company && companies.length === 1 ? { user, role: company.role, tenant: company.tenant } : undefined;
}

/** A condition on the facts of a case. `all: []` holds of every case, `any: []` of none. */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly fact: 'tenant' | 'assigned'; readonly is: string }
  | { readonly fact: 'restricted'; readonly is: boolean };

const UNRESTRICTED: Condition = { fact: 'restricted', is: false };

/** Which cases somebody sees. Everything that lists or shows cases goes by this condition. */
export function visibility({ user, role, tenant }: Standing): Condition {
  switch (role) {
    case 'supervisor':
      return { all: [] };
    case 'investigator':
      return { any: [UNRESTRICTED, { fact: 'assigned', is: user }] };
    case 'analyst':
      return UNRESTRICTED;
    case 'company-user':
      return tenant === undefined ? { any: [] } : { all: [{ fact: 'tenant', is: tenant }, UNRESTRICTED] };
  }
}

export function holds(condition: Condition, facts: CaseFacts): boolean {
  if ('all' in condition) return condition.all.every(part => holds(part, facts));
  if ('any' in condition) return condition.any.some(part => holds(part, facts));
  if (condition.fact === 'assigned') return facts.assigned.includes(condition.is);
  return facts[condition.fact] === condition.is;
}

export const sees = (standing: Standing, kase: CaseFacts): boolean => holds(visibility(standing), kase);

/** Restricted evidence is for those who would see the case if it were restricted. */
export const seesRestrictedEvidence = (standing: Standing, kase: CaseFacts): boolean =>
  sees(standing, { ...kase, restricted: true });

const EVERYONE: readonly PersonRole[] = PERSON_ROLES;
const BUREAU: readonly PersonRole[] = ['investigator', 'supervisor', 'analyst'];
const HANDLERS: readonly PersonRole[] = ['investigator', 'supervisor'];
const SUPERVISORS: readonly PersonRole[] = ['supervisor'];

interface Rule {
  readonly roles: readonly PersonRole[];
  /**
   * `case`: one that is seen. `restriction`: one that is seen before and after the restriction changes. `nothing`: no case
   * that is there yet, or none in particular.
   */
  readonly on: 'case' | 'restriction' | 'nothing';
}

/** Every operation: who may do it, and to what. */
const RULES = {
  'search-cases': { roles: EVERYONE, on: 'nothing' },
  'read-worklist': { roles: HANDLERS, on: 'nothing' },
  'read-report': { roles: EVERYONE, on: 'nothing' },
  'read-case': { roles: EVERYONE, on: 'case' },
  'read-timeline': { roles: EVERYONE, on: 'case' },

  'open-case': { roles: HANDLERS, on: 'nothing' },
  'add-party': { roles: HANDLERS, on: 'case' },
  'add-evidence': { roles: [...HANDLERS, 'company-user'], on: 'case' },
  'assign-investigator': { roles: SUPERVISORS, on: 'case' },
  'add-task': { roles: HANDLERS, on: 'case' },
  'finish-task': { roles: HANDLERS, on: 'case' },
  'transition-case': { roles: HANDLERS, on: 'case' },
  'decide-case': { roles: HANDLERS, on: 'case' },
  'restrict-case': { roles: HANDLERS, on: 'restriction' },
  'lift-restriction': { roles: HANDLERS, on: 'case' },
  'place-hold': { roles: SUPERVISORS, on: 'case' },
  'release-hold': { roles: SUPERVISORS, on: 'case' },
  'delete-case': { roles: SUPERVISORS, on: 'case' },
  'purge-case': { roles: SUPERVISORS, on: 'case' },
  'grant-membership': { roles: SUPERVISORS, on: 'nothing' },
  'revoke-membership': { roles: SUPERVISORS, on: 'nothing' },
} as const satisfies Readonly<Record<string, Rule>>;

export type Operation = keyof typeof RULES;
export const OPERATIONS = Object.keys(RULES) as readonly Operation[];
export const rolesOf = (operation: Operation): readonly PersonRole[] => RULES[operation].roles;

/** Whether the operation is on a case that has to be seen: then `may` wants to know the case. */
export const isOnCase = (operation: Operation): boolean => RULES[operation].on !== 'nothing';

/** Whether somebody may do it, to this case where it is one that is done to a case. */
export function may(standing: Standing, operation: Operation, kase?: CaseFacts): boolean {
  const { roles, on }: Rule = RULES[operation];
  if (!roles.includes(standing.role)) return false;
  if (on === 'nothing') return true;
  if (kase === undefined || !sees(standing, kase)) return false;
  return on === 'case' || sees(standing, { ...kase, restricted: true });
}

/** Whether a role of the bureau: such a person acts for every tenant. */
export const isOfBureau = (role: PersonRole): boolean => BUREAU.includes(role);

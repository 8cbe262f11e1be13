import * as z from 'zod';
import { isOfBureau, type Standing } from '../../../core/policy.ts';
import { showsField } from '../../../core/policy-mask.ts';
import type { Target } from '../../../core/store.ts';
import type { Fact } from '../../stores/parquet-file.ts';
import { allFacts } from '../../stores/parquet-newest.ts';
import { freshnessOf, freshnessSchema } from '../freshness.ts';
import { Problem } from '../problem.ts';
import { NOTHING, type Route, route } from '../route.ts';
import { type QueryPorts, standingByCache, targetOf } from './ports.ts';

/** Values that one report may tell apart; a report by more is a list of cases. */
const MAX_GROUPS = 1_000;
const GROUPS = [
  'status',
  'outcome',
  'priority',
  'product',
  'sub_product',
  'issue',
  'us_state',
  'company',
  'timely',
] as const;

const querySchema = z.strictObject({
  by: z.enum(GROUPS).describe('What to count by.'),
  as_of: z.iso.datetime({ offset: true }).optional().describe('As everything was then. @default now'),
});

/**
 * Counts of cases as they were at a time. Whether a case is counted goes by what it is now: a case that was restricted
 * since is counted for those only who may see it, also in reports of earlier times.
 */
export const readReport = (ports: QueryPorts): Route =>
  route({
    method: 'GET',
    path: '/reports/cases',
    operation: 'read-report',
    name: 'read-report',
    summary: 'How many cases there were as of a time, by one of their attributes.',
    params: NOTHING,
    query: querySchema,
    answer: z.object({
      as_of: z.iso.datetime(),
      by: z.string(),
      groups: z.array(z.object({ value: z.string().nullable(), count: z.int() })),
      total: z.int(),
      freshness: freshnessSchema,
    }),
    status: 200,
    consistency: { kind: 'eventual', store: 'case-facts', fallsBack: false },
    async run({ caller, query: { by, as_of } }) {
      const { standing } = await standingByCache(ports, caller, 'read-report');
      const { contract } = ports.facts;
      if (!showsField(contract.fields[by]!, standing.role))
        throw new Problem('forbidden', 'your role does not see this');
      const freshness = await freshnessOf(ports.control, contract.store_name);
      const asOf = as_of === undefined ? Date.now() : Date.parse(as_of);
      const read = await targetOf(ports, contract.store_name, 'complaint_outcome_report', caller.user);
      const counts = read ? await count(ports, read.target, standing, by, asOf) : new Map<string | null, number>();
      const groups = [...counts].map(([value, number]) => ({ value, count: number })).sort((a, b) => b.count - a.count);
      const total = groups.reduce((sum, group) => sum + group.count, 0);
      return { status: 200, body: { as_of: new Date(asOf).toISOString(), by, groups, total, freshness } };
    },
  });

async function count(ports: QueryPorts, target: Target, standing: Standing, by: string, asOf: number) {
  const counts = new Map<string | null, number>();
  try {
    for await (const facts of allFacts(ports.facts.reader, target)) {
      const now = newestOf(facts);
      const then = newestOf(facts.filter(({ committedAt }) => committedAt <= asOf));
      if (!now?.document || !then?.document || !isCounted(standing, now)) continue;
      const value = then.document[by] ?? null;
      const key = value === null ? null : String(value);
      counts.set(key, (counts.get(key) ?? 0) + 1);
      if (counts.size > MAX_GROUPS) throw new Problem('request-invalid', `more than ${MAX_GROUPS} values`);
    }
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem('unavailable', 'reports cannot be read now', { retryAfter: 5, cause });
  }
  return counts;
}

/**
 * By the facts alone, which say who owns a case and whether it is restricted, and not who works on it: restricted cases are
 * counted for supervisors only.
 */
function isCounted({ role, tenant }: Standing, { tenant: owner, document }: Fact): boolean {
  if (!isOfBureau(role) && owner !== tenant) return false;
  return role === 'supervisor' || document?.restricted !== true;
}

function newestOf(facts: readonly Fact[]): Fact | undefined {
  let newest: Fact | undefined;
  for (const fact of facts) if (!newest || fact.version > newest.version) newest = fact;
  return newest;
}

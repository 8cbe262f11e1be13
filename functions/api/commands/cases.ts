import * as z from 'zod';
import { caseCommand, freeCommand } from '../command.ts';
import { Problem } from '../problem.ts';
import { uuid } from '../route.ts';

const line = z.string().trim().min(1).max(500);
const optionalLine = line.nullish();
const date = z.iso.date();

const newCase = z.strictObject({
  tenant: uuid.describe('The company that it is about.'),
  reference: z.string().trim().min(1).max(64).nullish(),
  title: line,
  product: line,
  sub_product: optionalLine,
  issue: line,
  sub_issue: optionalLine,
  narrative: z.string().max(40_000).nullish(),
  tags: z.array(z.string().min(1).max(100)).max(20).default([]),
  us_state: z.string().max(64).nullish(),
  zip: z.string().max(16).nullish(),
  consent: optionalLine,
  submitted_via: optionalLine,
  priority: z.enum(['low', 'normal', 'high', 'urgent']).default('normal'),
  status: z.enum(['draft', 'received']).default('received'),
  received_on: date.nullish(),
  due_on: date.nullish(),
});
/** Of the body, in the order of the table; the names are ours, not the caller's. */
const COLUMNS = Object.keys(newCase.shape).filter(name => name !== 'tenant');

export const openCase = freeCommand({
  operation: 'open-case',
  method: 'POST',
  path: '/cases',
  summary: 'Open a case.',
  body: newCase,
  async run({ session, body, newId }) {
    const id = newId();
    const { tenant, ...values } = body;
    const given = COLUMNS.map(name => values[name as keyof typeof values] ?? null);
    const places = COLUMNS.map((_, index) => `$${index + 3}`);
    await session.query(
      `insert into cases (id, tenant_id, ${COLUMNS.join(', ')}) values ($1, $2, ${places.join(', ')})`,
      [id, tenant, ...given],
    );
    const [row] = await session.query<{ version: string }>('select lock_case($1) as version', [id]);
    return { id, version: Number(row!.version) };
  },
});

export const transitionCase = caseCommand({
  operation: 'transition-case',
  method: 'POST',
  path: '/cases/{case}/transitions',
  summary: 'Take the next step of the lifecycle.',
  status: 200,
  body: z.strictObject({
    to: z.enum(['received', 'referred', 'under-review', 'answered', 'closed', 'reopened', 'withdrawn']),
    reason: line.nullish(),
    outcome: z
      .enum(['explanation', 'monetary-relief', 'non-monetary-relief', 'no-relief', 'untimely-response'])
      .nullish()
      .describe('Of a closing.'),
  }),
  async run({ id }, { session, body: { to, reason, outcome } }) {
    await session.query('update cases set status = $2, status_reason = $3, outcome = $4 where id = $1', [
      id,
      to,
      reason ?? null,
      outcome ?? null,
    ]);
    return undefined;
  },
});

export const decideCase = caseCommand({
  operation: 'decide-case',
  method: 'POST',
  path: '/cases/{case}/decisions',
  summary: 'Record a decision; it is final.',
  makes: ['decision'],
  body: z.strictObject({
    kind: z.enum(['finding', 'relief', 'dismissal', 'reopening', 'correction']),
    summary: z.string().trim().min(1).max(4000),
    supersedes: uuid.nullish().describe('The decision that a correction corrects.'),
  }),
  async run({ id, tenant }, { session, body: { kind, summary, supersedes }, newId }) {
    const decision = newId();
    await session.query(
      `insert into decisions (id, tenant_id, case_id, kind, summary, decided_by, supersedes)
        values ($1, $2, $3, $4, $5, $6, $7)`,
      [decision, tenant, id, kind, summary, session.standing.user, supersedes ?? null],
    );
    return { decision };
  },
});

export const restrictCase = caseCommand({
  operation: 'restrict-case',
  method: 'PUT',
  path: '/cases/{case}/restriction',
  summary: 'Restrict the case to those who work on it.',
  async run({ id }, { session }) {
    await session.query('update cases set restricted = true where id = $1 and not restricted', [id]);
    return undefined;
  },
});

export const liftRestriction = caseCommand({
  operation: 'lift-restriction',
  method: 'DELETE',
  path: '/cases/{case}/restriction',
  summary: 'Lift the restriction.',
  async run({ id }, { session }) {
    await session.query('update cases set restricted = false where id = $1 and restricted', [id]);
    return undefined;
  },
});

export const deleteCase = caseCommand({
  operation: 'delete-case',
  method: 'DELETE',
  path: '/cases/{case}',
  summary: 'Delete a draft, or a case that was withdrawn.',
  removes: true,
  async run({ id }, { session }) {
    const gone = await session.query(
      `delete from cases where id = $1 and status in ('draft', 'withdrawn') returning id`,
      [id],
    );
    if (gone.length === 0)
      throw new Problem('rule-violated', 'only a draft or a withdrawn case is deleted; others are purged');
    return undefined;
  },
});

export const purgeCase = caseCommand({
  operation: 'purge-case',
  method: 'POST',
  path: '/cases/{case}/purge',
  summary: 'Erase a case that is over and need not be retained any longer, from every store.',
  status: 200,
  removes: true,
  async run({ id }, { session }) {
    const gone = await session.query(
      `delete from cases where id = $1 and status in ('closed', 'withdrawn')
          and (retain_until is null or retain_until <= current_date) returning id`,
      [id],
    );
    if (gone.length === 0) {
      throw new Problem('rule-violated', 'a case is purged when it is closed or withdrawn and its retention is over');
    }
    return undefined;
  },
});

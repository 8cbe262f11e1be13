import * as z from 'zod';
import { caseCommand } from '../command.ts';
import { Problem } from '../problem.ts';
import { uuid } from '../route.ts';

export const assignInvestigator = caseCommand({
  operation: 'assign-investigator',
  method: 'PUT',
  path: '/cases/{case}/investigator',
  summary: 'Assign an investigator, in place of the one before, or to support.',
  makes: ['assignment'],
  body: z.strictObject({ investigator: uuid, role: z.enum(['primary', 'support']).default('primary') }),
  async run({ id, tenant }, { session, body: { investigator, role }, newId }) {
    const known = await session.query(
      `select from memberships where user_id = $1 and role in ('investigator', 'supervisor')
          and valid_from <= now() and (valid_to > now() or valid_to is null)`,
      [investigator],
    );
    if (known.length === 0) throw new Problem('rule-violated', 'that person is no investigator of the bureau now');
    // One primary investigator at a time; of the others each at most once.
    await session.query(
      `update assignments set ended_at = now()
        where case_id = $1 and ended_at is null and ((role = 'primary' and $2 = 'primary') or investigator_id = $3)`,
      [id, role, investigator],
    );
    const assignment = newId();
    await session.query(
      'insert into assignments (id, tenant_id, case_id, investigator_id, role) values ($1, $2, $3, $4, $5)',
      [assignment, tenant, id, investigator, role],
    );
    return { assignment };
  },
});

export const addTask = caseCommand({
  operation: 'add-task',
  method: 'POST',
  path: '/cases/{case}/tasks',
  summary: 'Add a task.',
  makes: ['task'],
  body: z.strictObject({
    title: z.string().trim().min(1).max(500),
    assigned_to: uuid.nullish(),
    due_on: z.iso.date().nullish(),
  }),
  async run({ id, tenant }, { session, body: { title, assigned_to, due_on }, newId }) {
    const task = newId();
    await session.query(
      'insert into tasks (id, tenant_id, case_id, title, assigned_to, due_on) values ($1, $2, $3, $4, $5, $6)',
      [task, tenant, id, title, assigned_to ?? null, due_on ?? null],
    );
    return { task };
  },
});

export const finishTask = caseCommand({
  operation: 'finish-task',
  method: 'PUT',
  path: '/cases/{case}/tasks/{task}/done',
  summary: 'Finish a task.',
  params: z.strictObject({ task: uuid }),
  async run({ id }, { session, params: { task } }) {
    const found = await session.query<{ done: boolean }>(
      'select done_at is not null as done from tasks where id = $1 and case_id = $2',
      [task, id],
    );
    if (!found[0]) throw new Problem('not-found', 'the case has no such task');
    if (!found[0].done) await session.query('update tasks set done_at = now() where id = $1', [task]);
    return undefined;
  },
});

export const placeHold = caseCommand({
  operation: 'place-hold',
  method: 'POST',
  path: '/cases/{case}/holds',
  summary: 'Place a legal hold: nothing of the case is purged while it is there.',
  makes: ['hold'],
  body: z.strictObject({ reason: z.string().trim().min(1).max(500) }),
  async run({ id, tenant }, { session, body: { reason }, newId }) {
    const hold = newId();
    await session.query('insert into legal_holds (id, tenant_id, case_id, reason) values ($1, $2, $3, $4)', [
      hold,
      tenant,
      id,
      reason,
    ]);
    return { hold };
  },
});

export const releaseHold = caseCommand({
  operation: 'release-hold',
  method: 'DELETE',
  path: '/cases/{case}/holds/{hold}',
  summary: 'Release a legal hold.',
  params: z.strictObject({ hold: uuid }),
  async run({ id }, { session, params: { hold } }) {
    const found = await session.query<{ released: boolean }>(
      'select released_at is not null as released from legal_holds where id = $1 and case_id = $2',
      [hold, id],
    );
    if (!found[0]) throw new Problem('not-found', 'the case has no such hold');
    if (!found[0].released) await session.query('update legal_holds set released_at = now() where id = $1', [hold]);
    return undefined;
  },
});

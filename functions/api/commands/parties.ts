import * as z from 'zod';
import { caseCommand } from '../command.ts';
import { Problem } from '../problem.ts';
import { uuid } from '../route.ts';

const role = z.enum(['respondent', 'complainant', 'representative', 'witness']);
const newParty = z.strictObject({
  kind: z.enum(['company', 'person', 'authority']),
  name: z.string().trim().min(1).max(500),
  email: z.email().max(320).nullish(),
  zip: z.string().max(16).nullish(),
  us_state: z.string().max(64).nullish(),
});

export const addParty = caseCommand({
  operation: 'add-party',
  method: 'POST',
  path: '/cases/{case}/parties',
  summary: 'Add a party that is known, or a new one.',
  makes: ['party'],
  body: z.union([z.strictObject({ role, party: uuid }), z.strictObject({ role, new: newParty })]),
  async run({ id, tenant }, { session, body, newId }) {
    const party = 'party' in body ? body.party : newId();
    if ('new' in body) {
      const { kind, name, email, zip, us_state } = body.new;
      await session.query(
        'insert into parties (id, tenant_id, kind, name, email, zip, us_state) values ($1, $2, $3, $4, $5, $6, $7)',
        [party, tenant, kind, name, email ?? null, zip ?? null, us_state ?? null],
      );
    } else if (
      (await session.query('select from parties where id = $1 and tenant_id = $2', [party, tenant])).length === 0
    ) {
      throw new Problem('rule-violated', 'the company of the case has no such party');
    }
    await session.query('insert into case_parties (tenant_id, case_id, party_id, role) values ($1, $2, $3, $4)', [
      tenant,
      id,
      party,
      body.role,
    ]);
    return { party };
  },
});

import * as z from 'zod';
import { PERSON_ROLES } from '../../../core/policy.ts';
import { freeCommand } from '../command.ts';
import { Problem } from '../problem.ts';
import { uuid } from '../route.ts';

const time = z.iso.datetime({ offset: true });

export const grantMembership = freeCommand({
  operation: 'grant-membership',
  method: 'POST',
  path: '/memberships',
  summary: 'Let a person act for the bureau or a company, from when to when.',
  body: z.strictObject({
    user: uuid,
    tenant: uuid,
    role: z.enum(PERSON_ROLES),
    valid_from: time.nullish(),
    valid_to: time.nullish(),
  }),
  async run({ session, body: { user, tenant, role, valid_from, valid_to }, newId }) {
    const id = newId();
    const [row] = await session.query<{ version: string }>(
      `insert into memberships (id, tenant_id, tenant_kind, user_id, role, valid_from, valid_to)
        select $1, id, kind, $3, $4, coalesce($5::timestamptz, now()), $6::timestamptz from tenants where id = $2
        returning version_on_the_wire(version) as version`,
      [id, tenant, user, role, valid_from ?? null, valid_to ?? null],
    );
    if (!row) throw new Problem('rule-violated', 'there is no such tenant');
    return { id, version: Number(row.version) };
  },
});

export const revokeMembership = freeCommand({
  operation: 'revoke-membership',
  method: 'DELETE',
  path: '/memberships/{membership}',
  summary: 'End a membership now.',
  params: z.strictObject({ membership: uuid }),
  async run({ session, params: { membership: id } }) {
    // A membership that has not begun yet ends as soon as it begins.
    await session.query(
      `update memberships set valid_to = greatest(now(), valid_from + interval '1 microsecond')
        where id = $1 and (valid_to is null or valid_to > now())`,
      [id],
    );
    const [row] = await session.query<{ version: string }>(
      'select version_on_the_wire(version) as version from memberships where id = $1',
      [id],
    );
    if (!row) throw new Problem('not-found', 'there is no such membership');
    return { id, version: Number(row.version) };
  },
});

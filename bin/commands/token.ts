import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Option } from 'commander';
import pg from 'pg';
import { DistributaryError } from '../../core/errors.ts';
import { PERSON_ROLES, type PersonRole } from '../../core/policy.ts';
import { readEndpoints } from '../../local/endpoints.ts';
import { ISSUER_FILE, signToken } from '../../local/issuer.ts';
import { type Command, EXIT } from '../command.ts';
import { dataDirOption } from './data-dir.ts';

interface TokenOptions {
  readonly dataDir: string;
  readonly role: PersonRole;
  readonly company?: string;
  readonly user?: string;
  readonly life: string;
}

export const tokenCommand: Command<TokenOptions> = {
  usage: 'token',
  summary: 'print an access token for the API of local mode',
  description: `Of a person in the role, who is admitted when there is none yet: one of the bureau, or with --role company-user one of a
company. On AWS the user pool gives the tokens.`,
  examples: [
    { line: 'distributary token', what: 'an investigator, for an hour' },
    { line: 'distributary token --role company-user --company "EQUIFAX, INC."', what: 'somebody of a company' },
    { line: 'distributary token --role supervisor --json', what: 'with the address of the API, for machines' },
  ],
  options: [
    dataDirOption(),
    new Option('--role <role>', 'what the person may do').choices([...PERSON_ROLES]).default('investigator'),
    new Option('--company <name>', 'of a company user (default: the first by name)'),
    new Option('--user <uuid>', 'a person that is there already').conflicts(['role', 'company']),
    new Option('--life <time>', 'how long it is good for').default('1h'),
  ],

  async run(_args, { dataDir, role, company, user, life }, { terminal, json }) {
    const { issuer, api, postgres } = readEndpoints(dataDir);
    const file = join(dataDir, ISSUER_FILE);
    if (issuer === undefined || !existsSync(file)) {
      throw new DistributaryError('not-running', `the local mode on ${dataDir} has no issuer of tokens`);
    }
    const person = user ?? (await admitted(postgres.url, role, company));
    const token = await signToken(readFileSync(file, 'utf8'), issuer, person, life);
    terminal.print(json ? JSON.stringify({ token, user: person, api }) : token);
    return EXIT.fine;
  },
};

/** The person of that role whom this command admitted before, or a new one. As the owner: it admits supervisors too. */
async function admitted(url: string, role: PersonRole, company: string | undefined): Promise<string> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(
      "begin; set local search_path = canonical; select pg_advisory_xact_lock(hashtext('distributary token'))",
    );
    const tenant = await tenantFor(client, role, company);
    const { rows } = await client.query<{ id: string }>(ADMIT, [
      `${role} of ${tenant.name}`,
      tenant.id,
      tenant.kind,
      role,
    ]);
    await client.query('commit');
    return rows[0]!.id;
  } finally {
    await client.end();
  }
}

async function tenantFor(client: pg.Client, role: PersonRole, company: string | undefined) {
  const { rows } = await client.query<{ id: string; kind: string; name: string }>(
    role === 'company-user'
      ? `select id, kind, name from tenants where kind = 'company' and ($1::text is null or name = $1) order by name limit 1`
      : `select id, kind, name from tenants where kind = 'bureau' and ($1::text is null or true)`,
    [company ?? null],
  );
  if (rows[0]) return rows[0];
  const what = role === 'company-user' ? `no company ${company ?? ''}`.trimEnd() : 'no bureau';
  throw new DistributaryError('usage', `there is ${what} in the canonical store`, {
    hint: 'import complaints first: they bring the bureau and its companies',
  });
}

/** One person to a role and tenant, by the name that this command gives. */
const ADMIT = `
  with known as (
    select users.id from users join memberships on memberships.user_id = users.id
      where display_name = $1 and tenant_id = $2 and role = $4 and (valid_to is null or valid_to > now()) limit 1
  ), person as (
    insert into users (display_name) select $1 where not exists (select from known) returning id
  ), member as (
    insert into memberships (tenant_id, tenant_kind, user_id, role) select $2, $3, id, $4 from person
  )
  select id from known union all select id from person`;

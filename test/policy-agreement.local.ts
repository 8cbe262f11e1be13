import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type pg from 'pg';
import type { JsonObject } from '../core/change.ts';
import {
  isOnCase,
  may,
  OPERATIONS,
  type Operation,
  type PersonRole,
  type Standing,
  sees,
  standingOf,
  visibility,
} from '../core/policy.ts';
import { clauseOf } from '../core/policy-filter.ts';
import { maskDocument, maskState, visibleFields } from '../core/policy-mask.ts';
import { projection } from '../core/projection.ts';
import type { Target } from '../core/store.ts';
import type { AggregateId, TenantId, Version } from '../core/version.ts';
import { Canonical as ApiCanonical } from '../functions/api/canonical.ts';
import { Problem } from '../functions/api/problem.ts';
import { reauthorise } from '../functions/api/rehydrate.ts';
import { SEARCH_FACTS } from '../functions/api/search-facts.ts';
import caseSearch from '../functions/projectors/case-search.ts';
import { openSearchStore } from '../functions/stores/opensearch.ts';
import { ask, openSearchClient } from '../functions/stores/opensearch-client.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { type Search, startSearch } from '../local/search/index.ts';
import { type Canonical, openCanonical, openServer, verdictOf } from './canonical-fixture.ts';
import { build, type World, type WorldCase, worlds } from './policy-world.ts';
import { onBothEngines } from './search-engines.ts';
import { ROOT } from './templates.ts';

/**
 * The policy is written once and enforced four times. Here people and cases are made up, and row-level security, the search
 * filter, the masks and the reauthorisation must all say what core/policy.ts says.
 */

const SEED = Number(process.env.SEED ?? 20_260_711);
const RUNS = 6;
const TIMEOUT_MS = 240_000;

const catalogue = readCatalogue(ROOT);
const contract = catalogue.projected.find(({ store_name }) => store_name === 'case-search')!;
const caseContract = catalogue.aggregates.find(({ aggregate }) => aggregate === 'case')!;
const project = projection({ contract, aggregates: [caseContract], projectors: [caseSearch] });

let server: Awaited<ReturnType<typeof openServer>>;
let db: Canonical;
let app: pg.Client;
/** Queries log in as who may only read. */
let query: pg.Client;
let api: ApiCanonical;
const bureau = randomUUID();

beforeAll(async () => {
  server = await openServer();
  db = await openCanonical(server.url);
  await db.sql(`insert into tenants (id, name, kind) values ($1, 'Bureau', 'bureau')`, [bureau]);
  app = await db.connect('distributary_app');
  query = await db.connect('distributary_query');
  api = new ApiCanonical({ connectionString: db.url, options: '-c role=distributary_query' });
}, TIMEOUT_MS);
afterAll(async () => {
  await api?.close();
  await db?.close();
  await server?.stop();
});

/** Everyone of the world, for every company they might say they act for. */
function* actors(
  world: World,
): Iterable<{ user: string; actingFor: string | undefined; standing: Standing | undefined }> {
  for (const { id: user, memberships } of world.people) {
    for (const actingFor of [undefined, ...world.companies]) {
      yield { user, actingFor, standing: standingOf(user, memberships, Date.now(), actingFor) };
    }
  }
}

/** What the database does when it allows an operation; by its own statement, as a command of the API would. */
const ATTEMPTS: Readonly<Partial<Record<Operation, (kase: WorldCase, world: World) => [string, unknown[]]>>> = {
  'read-case': ({ id }) => ['select from cases where id = $1', [id]],
  'read-timeline': ({ id }) => ['select from case_transitions where case_id = $1', [id]],
  'open-case': ({ tenant }) => [
    `insert into cases (tenant_id, title, product, issue) values ($1, 't', 'p', 'i')`,
    [tenant],
  ],
  'add-party': ({ id, tenant }) => [
    `with party as (insert into parties (tenant_id, kind, name) values ($2, 'person', 'Ann') returning id)
      insert into case_parties (tenant_id, case_id, party_id, role) select $2, $1, id, 'witness' from party`,
    [id, tenant],
  ],
  'add-evidence': ({ id, tenant }) => [
    `insert into evidence (tenant_id, case_id, sha256, media_type, size_bytes, title)
      values ($2, $1, sha256('y'), 'text/plain', 1, 't')`,
    [id, tenant],
  ],
  'assign-investigator': ({ id, tenant }, { newcomer }) => [
    `insert into assignments (tenant_id, case_id, investigator_id, role) values ($2, $1, $3, 'support')`,
    [id, tenant, newcomer],
  ],
  'add-task': ({ id, tenant }) => [`insert into tasks (tenant_id, case_id, title) values ($2, $1, 't')`, [id, tenant]],
  'finish-task': ({ task }) => ['update tasks set done_at = now() where id = $1', [task]],
  'transition-case': ({ id }) => [`update cases set status = 'under-review' where id = $1`, [id]],
  'decide-case': ({ id, tenant }) => [
    `insert into decisions (tenant_id, case_id, kind, summary) values ($2, $1, 'finding', 's')`,
    [id, tenant],
  ],
  'restrict-case': ({ id }) => ['update cases set restricted = true where id = $1', [id]],
  'lift-restriction': ({ id }) => ['update cases set restricted = false where id = $1', [id]],
  'place-hold': ({ id, tenant }) => [
    `insert into legal_holds (tenant_id, case_id, reason) values ($2, $1, 'r')`,
    [id, tenant],
  ],
  'release-hold': ({ hold }) => ['update legal_holds set released_at = now() where id = $1', [hold]],
  'delete-case': ({ id }) => ['delete from cases where id = $1', [id]],
  'purge-case': ({ id }) => ['delete from cases where id = $1', [id]],
  'grant-membership': (_, world) => [
    `insert into memberships (tenant_id, tenant_kind, user_id, role) values ($1, 'bureau', $2, 'analyst')`,
    [world.bureau, world.newcomer],
  ],
  'revoke-membership': (_, { membership }) => ['update memberships set valid_to = now() where id = $1', [membership]],
};
const READS: readonly string[] = ['read-case', 'read-timeline'] satisfies readonly Operation[];
/** Row-level security knows nothing of these: they name no row. */
const WITHOUT_ROW: readonly Operation[] = ['search-cases', 'read-worklist', 'read-report'];

test('every operation of the policy is either tried on the database or names no row', () => {
  expect([...Object.keys(ATTEMPTS), ...WITHOUT_ROW].sort()).toEqual([...OPERATIONS].sort());
});

test(
  `row-level security allows what the policy allows (seed ${SEED})`,
  async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(worlds, async spec => {
        const world = await build(db, bureau, spec);
        for (const actor of actors(world)) {
          compared += await compareRows(app, world, actor, () => true);
          compared += await compareRows(query, world, actor, operation => READS.includes(operation));
        }
      }),
      { seed: SEED, numRuns: RUNS, endOnFailure: true },
    );
    expect(compared).toBeGreaterThan(1000);
  },
  TIMEOUT_MS,
);

/** What the policy says, of what the login may at all. */
async function compareRows(
  client: pg.Client,
  world: World,
  { user, actingFor, standing }: { user: string; actingFor: string | undefined; standing: Standing | undefined },
  isForLogin: (operation: Operation) => boolean,
): Promise<number> {
  const says: Record<string, boolean> = {};
  const does: Record<string, boolean> = {};
  await client.query('begin');
  const acts = await verdictOf(client.query('select act_as($1, $2)', [user, actingFor ?? standing?.tenant ?? null]));
  for (const kase of world.cases) {
    for (const [operation, attempt] of Object.entries(ATTEMPTS) as [
      Operation,
      (typeof ATTEMPTS)['read-case'] & object,
    ][]) {
      const name = `${operation} ${kase.id}`;
      says[name] = standing !== undefined && isForLogin(operation) && may(standing, operation, kase);
      does[name] = acts === 'done' && (await allows(client, ...attempt(kase, world)));
    }
  }
  await client.query('rollback');
  expect({ standing, does }).toEqual({ standing, does: says });
  return Object.keys(says).length;
}

/** Whether row-level security lets a statement through; what a rule of the case then says is no matter of it. */
async function allows(client: pg.Client, text: string, values: unknown[]): Promise<boolean> {
  await client.query('savepoint attempt');
  let rows = 0;
  const verdict = await verdictOf(client.query(text, values).then(({ rowCount }) => (rows = rowCount ?? 0)));
  await client.query('rollback to savepoint attempt');
  return verdict === 'done' ? rows > 0 : verdict.code !== '42501';
}

test(
  `reauthorisation allows what the policy allows, and counts what it drops (seed ${SEED})`,
  async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async spec => {
        const world = await build(db, bureau, spec);
        const ids = world.cases.map(({ id }) => id);
        for (const { user, actingFor, standing } of actors(world)) {
          const asked = api.transaction({ user, actingFor }, async session => ({
            standing: session.standing,
            ...(await reauthorise(session, 'read-case', ids)),
          }));
          if (!standing) {
            await expect(asked).rejects.toThrow(Problem);
            continue;
          }
          const visible = world.cases.filter(kase => sees(standing, kase)).map(({ id }) => id);
          const found = await asked;
          expect(found.standing).toEqual(standing);
          expect([...found.allowed.keys()].sort()).toEqual([...visible].sort());
          expect(found.mismatches).toBe(ids.length - visible.length);
        }
      }),
      { seed: SEED, numRuns: RUNS, endOnFailure: true },
    );
  },
  TIMEOUT_MS,
);

test('a document hides from a role what the state hides', async () => {
  const world = await build(db, bureau, {
    suspended: [false],
    people: [],
    cases: [{ company: 0, restricted: false, evidence: false, assigned: [] }],
  });
  const [row] = await statesOf(world);
  const document = project(row!).document!;
  for (const role of ['investigator', 'supervisor', 'analyst', 'company-user'] as const) {
    const masked = maskDocument(contract.fields, document, role);
    const state = maskState(caseContract.current, row!.state, role);
    for (const name of Object.keys(contract.fields).filter(field =>
      Object.hasOwn(caseContract.current.properties, field),
    )) {
      expect({ role, name, shown: Object.hasOwn(masked.visible, name) }).toEqual({
        role,
        name,
        shown: Object.hasOwn(state.visible, name),
      });
    }
    const handles = role === 'investigator' || role === 'supervisor';
    for (const text of ['Their own words', 'Older American', '10001', 'A letter']) {
      expect(JSON.stringify(masked.visible).includes(text)).toBe(handles);
      expect(JSON.stringify(state.visible).includes(text)).toBe(handles);
    }
  }
});

interface StateRow {
  readonly tenant_id: string;
  readonly id: string;
  readonly version: number;
  readonly digest: number;
  readonly state: JsonObject;
}
async function statesOf(world: World) {
  const ids = world.cases.map(({ id }) => id);
  const rows = await db.sql<StateRow>('select * from capture.case_rows(null, 100000) where id = any ($1)', [ids]);
  return rows.map(({ tenant_id, id, version, digest, state }) => ({
    kind: 'state' as const,
    id: `${version}@${id}`,
    aggregate: 'case',
    change: 'updated',
    key: id as AggregateId,
    tenant: tenant_id as TenantId,
    version: version as Version,
    lane: 'standard' as const,
    schemaVersion: caseContract.current.number,
    digest: Number(digest),
    committedAt: Date.now(),
    state,
  }));
}

onBothEngines(testSearch);

function testSearch(choice: 'real' | 'embedded'): void {
  let folder: string;
  let search: Search;
  let client: ReturnType<typeof openSearchClient>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'distributary-policy-'));
    await chmod(folder, 0o755); // The real engine runs as another user when the tests run as root.
    search = await startSearch({ dataDir: folder, choice, onLog: () => {} });
    client = openSearchClient(search.url);
  }, TIMEOUT_MS);
  afterAll(async () => {
    await client?.close();
    await search?.stop();
    await rm(folder, { recursive: true, force: true });
  }, TIMEOUT_MS);

  test(
    `the search filter finds what the policy shows, and no masked field leaves the engine (seed ${SEED})`,
    async () => {
      let worldsSeen = 0;
      await fc.assert(
        fc.asyncProperty(worlds, async spec => {
          const world = await build(db, bureau, spec);
          const target: Target = { store: contract.store_name, name: `${contract.store_name}.1.${++worldsSeen}` };
          const store = openSearchStore({ client, contract });
          await store.create(target);
          const writes = (await statesOf(world)).map(project);
          expect((await store.write(target, writes)).map(({ kind }) => kind)).toEqual(writes.map(() => 'applied'));
          await ask(client, { method: 'POST', path: `/${target.name}/_refresh` });
          for (const { standing } of actors(world)) if (standing) await compareSearch(target, world, standing);
        }),
        { seed: SEED, numRuns: RUNS, endOnFailure: true },
      );
    },
    TIMEOUT_MS,
  );

  async function compareSearch({ name }: Target, world: World, standing: Standing): Promise<void> {
    const body = {
      size: 100,
      query: { bool: { filter: [clauseOf(visibility(standing), SEARCH_FACTS)] } },
      _source: visibleFields(contract.fields, standing.role),
    };
    const answer = await ask<{ hits: { hits: { _id: string; _source: JsonObject }[] } }>(client, {
      method: 'POST',
      path: `/${name}/_search`,
      body,
    });
    const { hits } = answer.body.hits;
    const visible = world.cases.filter(kase => sees(standing, kase)).map(({ id }) => id);
    expect({ standing, found: hits.map(({ _id }) => _id).sort() }).toEqual({ standing, found: [...visible].sort() });
    for (const { _source } of hits) expectMasked(_source, standing.role);
  }

  function expectMasked(source: JsonObject, role: PersonRole): void {
    const { masked } = maskDocument(contract.fields, source, role);
    for (const field of masked) expect(Object.keys(source)).not.toContain(field);
  }
}

test('what is on a case needs a case', () => {
  const supervisor: Standing = { user: randomUUID(), role: 'supervisor' };
  for (const operation of OPERATIONS) expect(may(supervisor, operation)).toBe(!isOnCase(operation));
});

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { openOverview } from '../bin/overview/overview.ts';
import { runningCatalogue } from '../bin/running/running-catalogue.ts';
import { untilSettled } from '../bin/running/settled.ts';
import type { JsonObject } from '../core/change.ts';
import { projectedNamed } from '../lib/team-catalogue.ts';
import { type LocalMode, startLocalMode } from '../local/local-mode.ts';
import { openStores } from '../local/verification/open-stores.ts';

const START_MS = 180_000;
const TEST_MS = 240_000;
const SETTLE_SECONDS = 120;

const EXAMPLE = resolve(import.meta.dirname, '..', 'examples', 'team-projector');
const STORE = 'case-headlines';

const dataDir = mkdtempSync(join(tmpdir(), 'team-projector-'));
// Servers that refuse to run as root run as somebody else.
chmodSync(dataDir, 0o755);
let mode: LocalMode | undefined;
beforeAll(async () => {
  mode = await startLocalMode({ dataDir, search: 'embedded', teams: [EXAMPLE] });
}, START_MS);
afterAll(async () => {
  await mode?.stop();
  rmSync(dataDir, { recursive: true, force: true });
}, START_MS);

test(
  "a team's repository joins a running pipeline: its queues, function and store appear, and changes arrive in them",
  async () => {
    const { endpoints, status } = mode!;
    expect(endpoints.stores[STORE]).toMatchObject({
      engine: 'dynamodb',
      projector: `distributary-project-${STORE}`,
      table: `distributary-${STORE}`,
      failedQueueUrl: expect.stringMatching(/distributary-case-headlines-failed$/),
    });
    const { functions } = await status();
    expect(functions.map(({ name }) => name)).toContain(`distributary-provision-${STORE}`);

    const [shown, restricted, open] = await writeCases(endpoints.postgres.url);
    const catalogue = runningCatalogue(endpoints);
    const looking = openOverview(endpoints, catalogue);
    const stores = openStores(endpoints);
    try {
      expect(await untilSettled(looking, { since: Date.now(), timeoutSeconds: SETTLE_SECONDS })).toBe(true);
      const view = (await looking.look()).stores.find(({ store }) => store === STORE);
      expect(view).toMatchObject({ failed: 0, documents: 1 });
      const store = stores.open(projectedNamed(catalogue, STORE));
      const target = (await store.current())!;
      const documents = new Map<string, JsonObject | null>();
      for await (const { key, document } of store.scan(target, {})) documents.set(key, document);
      expect(documents.get(shown!)).toMatchObject({ headline: 'ACME: Fees', company: 'ACME', answered: true });
      expect(documents.get(restricted!)).toBeNull();
      expect(documents.get(open!)).toBeNull();
    } finally {
      stores.close();
      await looking.close();
    }
  },
  TEST_MS,
);

/** A closed case, one like it that is restricted, and one that is not answered yet, each against a company. */
async function writeCases(url: string): Promise<readonly string[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const one = async (sql: string, values: readonly unknown[] = []): Promise<string> =>
      (await client.query(`${sql} RETURNING id`, [...values])).rows[0].id;
    const tenant = await one("INSERT INTO canonical.tenants (name, kind) VALUES ('Test', 'company')");
    const party = await one("INSERT INTO canonical.parties (tenant_id, name, kind) VALUES ($1, 'ACME', 'company')", [
      tenant,
    ]);
    const ids: string[] = [];
    for (const { isClosed, restricted } of [
      { isClosed: true, restricted: false },
      { isClosed: true, restricted: true },
      { isClosed: false, restricted: false },
    ]) {
      const id = await one(
        `INSERT INTO canonical.cases (tenant_id, title, product, issue, status, restricted)
         VALUES ($1, 'Fees', 'Mortgage', 'Fees', 'received', $2)`,
        [tenant, restricted],
      );
      const link =
        "INSERT INTO canonical.case_parties (tenant_id, case_id, party_id, role) VALUES ($1, $2, $3, 'respondent')";
      await client.query(link, [tenant, id, party]);
      for (const step of isClosed ? ["status = 'referred'", "status = 'closed', outcome = 'explanation'"] : []) {
        await client.query(`UPDATE canonical.cases SET ${step} WHERE id = $1`, [id]);
      }
      ids.push(id);
    }
    return ids;
  } finally {
    await client.end();
  }
}

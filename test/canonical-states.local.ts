import { readdirSync, readFileSync } from 'node:fs';
import { parseAggregateContract } from '../core/aggregate-contract.ts';
import { stateValidator } from '../core/aggregate-state.ts';
import { addCase, seededCanonical } from './canonical-fixture.ts';
import {
  addEvidence,
  assign,
  decide,
  digestOf,
  hold,
  link,
  type OutboxRow,
  outboxOf,
  transaction,
} from './canonical-outbox-rows.ts';

/** A state has one text, wherever it is made and whatever the session: stores compare digests of it. */

const { db, ids } = await seededCanonical();

const newCase = (status?: Parameters<typeof addCase>[2]) => addCase(db.main, ids.company, status);

const folder = new URL('../contracts/aggregates/', import.meta.url);
const contracts = readdirSync(folder).map(file =>
  parseAggregateContract(readFileSync(new URL(file, folder), 'utf8'), file),
);

describe('an outbox row, a row for backfill and the contract agree', () => {
  test.each(contracts.map(({ aggregate }) => aggregate))('on %s', async aggregate => {
    const id = await newCase();
    await transaction(db, [
      [link, [ids.company, id, ids.party]],
      [addEvidence, [ids.company, id]],
      [assign, [ids.company, id, ids.investigator]],
      [decide, [ids.company, id]],
      [hold, [ids.company, id]],
    ]);
    const reader = await db.connect('distributary_reader');
    const { rows } = await reader.query<OutboxRow & { state: object }>(
      `select *, state::text as text from capture.${aggregate}_rows(null, 1000)`,
    );
    expect(rows.length).toBeGreaterThan(0);
    const validate = stateValidator(contracts.find(contract => contract.aggregate === aggregate)!);
    for (const row of rows) {
      const key = (row as unknown as { id: string }).id;
      const last = (await outboxOf(db, key)).at(-1)!;
      expect(row).toMatchObject({
        text: last.text,
        version: last.version,
        digest: last.digest,
        schema_version: last.schema_version,
        tenant_id: last.tenant_id,
      });
      expect(row.digest).toBe(digestOf(key, row.version, row.text!));
      expect(validate(JSON.parse(row.text!))).toEqual([]);
    }
  });

  test('page by page, in the order of keys, as in one go', async () => {
    const all = await db.sql<{ id: string }>('select id from capture.case_rows(null, 1000)');
    const paged: { id: string }[] = [];
    for (let after: string | null = null; ; ) {
      const page: { id: string }[] = await db.sql('select id from capture.case_rows($1, 3)', [after]);
      paged.push(...page);
      after = page.at(-1)?.id ?? null;
      if (after === null) break;
    }
    expect(paged).toEqual(all);
    expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).sort());
  });

  test('whatever the session thinks of dates, zones and numbers', async () => {
    const id = await newCase('closed');
    const text = (await outboxOf(db, id)).at(-1)!.text;
    const odd = await db.connect();
    await odd.query(`set timezone = 'Asia/Kathmandu'; set datestyle = 'SQL, DMY'; set intervalstyle = 'iso_8601';
      set extra_float_digits = 0; set bytea_output = 'escape'; set lc_numeric = 'C'`);
    const { rows } = await odd.query(`select capture.case_state($1, $2)::text as text`, [ids.company, id]);
    expect(rows[0].text).toBe(text);
    await odd.query('update cases set received_on = $2, created_at = $3 where id = $1', [
      id,
      '02/01/2023',
      '02/01/2023 05:45:00.5',
    ]);
    expect(JSON.parse((await outboxOf(db, id)).at(-1)!.text!)).toMatchObject({
      received_on: '2023-01-02',
      created_at: '2023-01-02T00:00:00.500Z',
    });
  });
});

import * as z from 'zod';
import type { JsonObject } from '../../../core/change.ts';
import type { OperateContext } from '../context.ts';
import { askedOf } from '../lifecycle/refused.ts';
import { TENANT_MOVE } from '../lifecycle/tenant-move.ts';
import { defineOperation } from '../operation.ts';
import { type Manifest, type MovingRow, manifestSchema } from './moving.ts';
import { TENANT_REMOVE } from './remove-run.ts';

/** Rows of one answer, and about how much they may be: an answer of a function has 6 MB at most. */
const PART_ROWS = 1000;
const PART_BYTES = 3_000_000;

const departure = z.uuid();

/** Freezes a tenant, to be exported; one that departs already goes on departing. */
export const tenantDepart = defineOperation({
  name: 'tenant.depart',
  changes: true,
  request: { tenant: z.uuid() },
  async run({ tenant, actor }, context) {
    const text = 'select canonical.start_departure($1, $2) as id';
    const [row] = await askedOf<{ id: string }>(context, text, [tenant, actor]);
    return { departure: row!.id };
  },
});

/** What departs, with counts and digests; nothing while somebody still writes who began before. */
export const tenantDeparture = defineOperation({
  name: 'tenant.departure',
  changes: false,
  request: { departure },
  async run({ departure: id }, context): Promise<{ manifest: Manifest | null }> {
    const [is] = await askedOf<{ still: boolean }>(context, 'select canonical.departure_is_still($1) as still', [id]);
    if (!is?.still) return { manifest: null };
    const text = 'select canonical.departure_manifest($1) as manifest';
    const [row] = await askedOf<{ manifest: { readonly tables: readonly string[] } }>(context, text, [id]);
    const { tables: names, ...rest } = row!.manifest;
    const tables: Record<string, unknown> = {};
    for (const name of names) tables[name] = await digestOf(context, id, name);
    return { manifest: manifestSchema.parse({ ...rest, tables }) };
  },
});

async function digestOf(context: OperateContext, id: string, table: string) {
  const text = 'select rows, digest from canonical.departure_digest($1, $2)';
  const [row] = await askedOf<{ rows: string; digest: string }>(context, text, [id, table]);
  return { rows: Number(row!.rows), digest: row!.digest };
}

/** The next rows of a table of it, after a key. */
export const tenantDepartingRows = defineOperation({
  name: 'tenant.departing-rows',
  changes: false,
  request: { departure, table: z.string(), after: z.string().nullable() },
  async run({ departure: id, table, after }, context): Promise<{ rows: readonly MovingRow[]; next: string | null }> {
    const text = 'select key, "row", extra from canonical.departing_rows($1, $2, $3, $4)';
    const found = await askedOf<MovingRow & { key: string }>(context, text, [id, table, after, PART_ROWS]);
    const rows: MovingRow[] = [];
    let bytes = 0;
    for (const { key, row, extra } of found) {
      rows.push({ row, extra });
      bytes += JSON.stringify(row).length;
      if (bytes > PART_BYTES) return { rows, next: key };
    }
    return { rows, next: found.length < PART_ROWS ? null : found.at(-1)!.key };
  },
});

/** Takes a departure back that is not closed: the tenant can be changed again. */
export const tenantStay = defineOperation({
  name: 'tenant.stay',
  changes: true,
  request: { tenant: z.uuid() },
  async run({ tenant }, context) {
    const text = 'select canonical.abort_departure($1) as aborted';
    const [row] = await askedOf<{ aborted: boolean }>(context, text, [tenant]);
    return row!;
  },
});

/** Closes it here, for good: nobody sees anything of it here any more. The answer opens it where it arrives. */
export const tenantClose = defineOperation({
  name: 'tenant.close',
  changes: true,
  request: { departure },
  async run({ departure: id, actor }, context): Promise<{ receipt: JsonObject }> {
    const text = 'select canonical.close_departure($1, $2) as receipt';
    const [row] = await askedOf<{ receipt: JsonObject }>(context, text, [id, actor]);
    return { receipt: row!.receipt };
  },
});

/** Starts to remove what has gone over, and waits until it has been erased from every store. */
export const tenantRemove = defineOperation({
  name: 'tenant.remove',
  changes: true,
  request: { departure },
  run: async ({ departure: id, actor, reason }, { runs }) =>
    runs.start({
      ...{ store: TENANT_MOVE, operation: TENANT_REMOVE, step: 'release', unit: 'cases' },
      ...{ actor, reason, request: { departure: id } },
    }),
});

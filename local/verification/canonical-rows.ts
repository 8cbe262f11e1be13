import type { ClientBase } from 'pg';
import { functionName } from '../../core/capture-sql.ts';
import type { JsonObject } from '../../core/change.ts';
import { type Definition, projection } from '../../core/projection.ts';
import type { Write } from '../../core/store.ts';
import type { AggregateId, TenantId, Version } from '../../core/version.ts';

/** Rows in memory at once; a case of the sample is 2 kB. */
const PAGE_ROWS = 500;

interface CanonicalRow {
  readonly tenant_id: TenantId;
  readonly id: AggregateId;
  readonly version: string;
  readonly digest: string;
  readonly schema_version: number;
  readonly state: JsonObject;
}

/**
 * What a rebuild would write: the document of every canonical row, in key order. `client` acts as `distributary_reader`;
 * each page is one snapshot, and `committedAt`, which no row tells, is 0. Throws what the projector throws.
 */
export async function* expectedWrites(client: ClientBase, definition: Definition): AsyncGenerator<Write> {
  const project = projection(definition);
  const streams = definition.contract.aggregates.map(aggregate => rowsOf(client, aggregate));
  for await (const { aggregate, row } of mergeByKey(streams)) {
    yield project({
      kind: 'state',
      id: `${row.version}@${row.id}`,
      aggregate,
      change: 'verified',
      key: row.id,
      tenant: row.tenant_id,
      version: Number(row.version) as Version,
      lane: 'standard',
      schemaVersion: row.schema_version,
      digest: Number(row.digest),
      committedAt: 0,
      state: row.state,
    });
  }
}

interface Tagged {
  readonly aggregate: string;
  readonly row: CanonicalRow;
}

async function* rowsOf(client: ClientBase, aggregate: string): AsyncGenerator<Tagged> {
  const text = `select * from ${functionName(aggregate, 'rows')}($1, $2)`;
  let after: AggregateId | null = null;
  for (;;) {
    const { rows }: { rows: CanonicalRow[] } = await client.query(text, [after, PAGE_ROWS]);
    for (const row of rows) yield { aggregate, row };
    if (rows.length < PAGE_ROWS) return;
    after = rows.at(-1)!.id;
  }
}

/** Streams in key order become one; holds one row of each. */
async function* mergeByKey(streams: readonly AsyncGenerator<Tagged>[]): AsyncGenerator<Tagged> {
  const heads: { stream: AsyncGenerator<Tagged>; next: Tagged }[] = [];
  const advance = async (stream: AsyncGenerator<Tagged>) => {
    const { value, done } = await stream.next();
    if (!done) heads.push({ stream, next: value });
  };
  for (const stream of streams) await advance(stream);
  while (heads.length > 0) {
    heads.sort((a, b) => (a.next.row.id < b.next.row.id ? -1 : 1));
    const { stream, next } = heads.shift()!;
    yield next;
    await advance(stream);
  }
}

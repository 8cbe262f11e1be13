import { join } from 'node:path';
import { projection } from '../core/projection.ts';
import type { Target } from '../core/store.ts';
import type { OutboxPlace } from '../functions/operate/canonical/canonical.ts';
import { postgresCanonical } from '../functions/operate/canonical/postgres-canonical.ts';
import caseSearch from '../functions/projectors/case-search.ts';
import { memoryStore } from '../functions/stores/memory.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import type { Canonical } from './canonical-fixture.ts';

/** A search store that follows the outbox, one document to a key; what is asked of it is asked by tenant. */
export async function searchOf(db: Canonical) {
  const { projected, aggregates } = readCatalogue(join(import.meta.dirname, '..'));
  const contract = projected.find(({ store_name }) => store_name === 'case-search')!;
  const project = projection({
    contract,
    aggregates: aggregates.filter(({ aggregate }) => aggregate === 'case'),
    projectors: [caseSearch],
  });
  const canonical = postgresCanonical({
    query: (text, values) => db.sql(text, values) as never,
    close: async () => {},
  });
  const store = memoryStore();
  const target: Target = { store: 'case-search', name: 'case-search.1' };
  await store.create(target);
  let after: OutboxPlace | undefined;
  return {
    async follow() {
      for (let more = true; more; ) {
        const { changes, next } = await canonical.readOutbox(['case'], { since: 0, after, limit: 500 });
        await store.write(target, changes.map(project));
        more = next !== undefined;
        after = next ?? after;
      }
    },
    async of(tenant: string): Promise<string[]> {
      const found: string[] = [];
      for await (const stored of store.scan(target, {}))
        if (stored.tenant === tenant && stored.document) found.push(stored.key);
      return found.sort();
    },
    /** The documents of a tenant, by key. */
    async documentsOf(tenant: string): Promise<Readonly<Record<string, unknown>>> {
      const found: Record<string, unknown> = {};
      for await (const { tenant: whose, key, document } of store.scan(target, {}))
        if (whose === tenant && document) found[key] = document;
      return found;
    },
  };
}

import { Client } from '@opensearch-project/opensearch';
import { aggregationPromises } from './search-suite-aggregations.ts';
import { type Bench, benchOf, type Promises } from './search-suite-bench.ts';
import { documentPromises } from './search-suite-documents.ts';
import { mappingPromises } from './search-suite-mappings.ts';
import { namePromises } from './search-suite-names.ts';
import { pagePromises } from './search-suite-pages.ts';
import { queryPromises } from './search-suite-queries.ts';

const PARTS: Readonly<Record<string, Promises>> = {
  documents: documentPromises,
  mappings: mappingPromises,
  queries: queryPromises,
  'pages of hits': pagePromises,
  aggregations: aggregationPromises,
  names: namePromises,
};

/** Everything the project asks of a search engine, in the words of OpenSearch; every engine of local mode passes it. */
export function testSearchEngine(url: () => string): void {
  let client: Client;
  let bench: Bench;
  beforeAll(() => {
    client = new Client({ node: url(), maxRetries: 0 });
    bench = benchOf(client);
  });
  afterAll(() => client?.close());
  for (const [part, promises] of Object.entries(PARTS)) describe(part, () => promises(() => bench));
}

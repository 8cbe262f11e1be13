import { openSearchVariables, readEnvironment } from '../../core/environment.ts';
import { openSearchStore } from '../stores/opensearch.ts';
import { openSearchClient } from '../stores/opensearch-client.ts';
import { type Engine, firstGeneration } from './engine.ts';

export const opensearch: Engine = {
  open(contract) {
    const { OPENSEARCH_URL } = readEnvironment(openSearchVariables);
    return openSearchStore({ client: openSearchClient(OPENSEARCH_URL), contract });
  },
  firstTarget: firstGeneration,
};

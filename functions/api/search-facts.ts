import type { FactFields } from '../../core/policy-filter.ts';
import { META } from '../stores/opensearch-index.ts';

/** Where the documents of case-search hold what the policy goes by. */
export const SEARCH_FACTS: FactFields = {
  tenant: `${META}.tenant`,
  restricted: 'restricted',
  assigned: 'assigned_ids',
};

import { defineProjector } from '../../core/projector.ts';

/** What an investigator searches. Drafts stay with intake. */
export default defineProjector({
  store: 'case-search',
  on: 'case',
  project: (kase, { fields }) => (kase.status === 'draft' ? null : fields(kase)),
});

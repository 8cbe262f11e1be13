import { defineProjector } from '../../core/projector.ts';

/** What an investigator searches. Drafts stay with intake, and restricted evidence with those assigned: its title too. */
export default defineProjector({
  store: 'case-search',
  on: 'case',
  project: (kase, { fields }) =>
    kase.status === 'draft'
      ? null
      : {
          ...fields(kase),
          evidence_titles: kase.evidence.filter(({ restricted }) => !restricted).map(({ title }) => title),
        },
});

import { defineProjector } from '../../core/projector.ts';

/** What has to be proved later: a case from its first decision or its end on, whatever becomes of it then. */
export default defineProjector({
  store: 'case-archive',
  on: 'case',
  project: (kase, { fields }) => (kase.closed_at === null && kase.decisions.length === 0 ? null : fields(kase)),
});

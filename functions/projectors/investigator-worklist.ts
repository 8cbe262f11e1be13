import { defineProjector } from '../../core/projector.ts';

const DONE: readonly string[] = ['closed', 'withdrawn'];
const RANK = { urgent: 0, high: 1, normal: 2, low: 3 } as const;
/** Sorts behind every real date. */
const NEVER_DUE = '9999-12-31';

/** Each investigator's open cases: the most urgent first, then the one due first. */
export default defineProjector({
  store: 'investigator-worklist',
  on: 'case',
  project: (kase, { fields }) =>
    kase.investigator_id === null || DONE.includes(kase.status)
      ? null
      : { ...fields(kase), urgency: `${RANK[kase.priority]}#${kase.due_on ?? NEVER_DUE}` },
});

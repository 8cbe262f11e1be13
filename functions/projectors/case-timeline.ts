import { defineProjector } from '../../core/projector.ts';

/** What happened to a case, in order: its way through the lifecycle and the decisions taken on it. */
export default defineProjector({
  store: 'case-timeline',
  on: 'case',
  project: ({ reference, title, status, company, restricted, timeline, decisions }) => ({
    reference,
    title,
    status,
    company,
    restricted,
    entries: [
      ...timeline.map(step => ({ kind: 'transition', ...step })),
      ...decisions.map(({ id, kind, decided_at }) => ({ kind: 'decision', at: decided_at, id, decision: kind })),
    ].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)),
  }),
});

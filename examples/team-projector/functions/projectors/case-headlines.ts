import { defineProjector } from 'distributary';

/** What the public may know of. */
const PUBLIC = ['answered', 'closed', 'reopened'];

/** Headlines of complaints that were answered, by company. Nothing of those that only some may see. */
export default defineProjector({
  store: 'case-headlines',
  on: 'case',
  project: kase =>
    kase.restricted || kase.company === null || !PUBLIC.includes(kase.status)
      ? null
      : {
          headline: `${kase.company}: ${kase.title}`,
          company: kase.company,
          product: kase.product,
          answered: kase.outcome !== null && kase.outcome !== 'untimely-response',
          received_on: kase.received_on,
        },
});

/** One thing to type, and how to know that it is as it should be. */
export interface Step {
  readonly type: string;
  readonly expect: string;
}

export interface AlarmGuide {
  /** As it ends the alarm's name. */
  readonly alarm: string;
  readonly means: string;
  /** In this order, until it is well. */
  readonly steps: readonly Step[];
}

const STATUS: Step = {
  type: 'distributary status',
  expect:
    'a row per store: what waits in its queues, how old its watermark is, what failed; exit 0 when all keep their contract',
};
const DOCTOR: Step = {
  type: 'distributary doctor',
  expect:
    'every precondition with "fine", or with what to do: slot, WAL, publication, permissions, disk, queue policies',
};

/** The alarms of a projected store, by the end of their names. */
export const storeAlarms = (store: string, maximum: string): readonly AlarmGuide[] => [
  {
    alarm: 'stale',
    means: `Readers see a state older than ${maximum}, or nothing has been heard of the store.`,
    steps: [
      {
        ...STATUS,
        expect: `the row of ${store}: a falling backlog heals itself; a standing one does not. All stores stale: look at the relay`,
      },
      DOCTOR,
      { type: `distributary redrive ${store}`, expect: 'why changes failed, if any did' },
    ],
  },
  {
    alarm: 'failed',
    means: 'Changes were refused for good and are missing here; everything else has landed.',
    steps: [
      { type: `distributary redrive ${store}`, expect: 'a table of codes, each with its hint and an example' },
      {
        type: `distributary redrive ${store} --all`,
        expect: 'after the cause was mended: "N changes sent back"; exit 0 when none return',
      },
      { type: `distributary drift ${store}`, expect: 'no document missing, stale or different' },
    ],
  },
  {
    alarm: 'errors',
    means: 'The store refuses or times out; changes wait in their queue and nothing is lost.',
    steps: [
      STATUS,
      DOCTOR,
      { type: `distributary drift ${store}`, expect: 'after it is back: nothing that lag does not explain' },
    ],
  },
  {
    alarm: 'drift',
    means: 'Documents differ from what the canonical store would give, and lag does not explain it.',
    steps: [
      {
        type: `distributary drift ${store}`,
        expect: 'ids by class: missing, extra, stale, different, should be a tombstone',
      },
      {
        type: `distributary drift ${store} --repair`,
        expect: 'just those ids are published again, then compared equal',
      },
      {
        type: `distributary rebuild ${store}`,
        expect: 'if many differ: a new target beside this one, cut over when its digests are equal',
      },
    ],
  },
  {
    alarm: 'unauthorized',
    means: 'The store returned rows that the canonical store refuses; readers did not see them.',
    steps: [
      STATUS,
      {
        type: `distributary drift ${store} --repair`,
        expect: 'permission changes that were missed are published again',
      },
    ],
  },
];

/** The alarms of the relay and of the slot that it reads. */
export const relayAlarms: readonly AlarmGuide[] = [
  {
    alarm: 'silent',
    means: 'No relay publishes: every store falls behind. Nothing is lost while the slot holds its WAL.',
    steps: [
      STATUS,
      DOCTOR,
      { type: 'distributary status --watch', expect: 'the outbox lag falls as soon as a relay streams again' },
    ],
  },
  {
    alarm: 'parked',
    means: 'Outbox rows that nobody can read were set apart; their aggregates are missing a change.',
    steps: [DOCTOR, { type: 'distributary drift STORE --repair', expect: 'the aggregates concerned, published again' }],
  },
  {
    alarm: 'retained',
    means: 'The canonical store keeps WAL for a relay that does not acknowledge; when it gives up, the slot is lost.',
    steps: [
      DOCTOR,
      {
        type: 'distributary replay STORE --since TIME',
        expect: 'if the slot was lost: what the outbox still has, published again',
      },
      { type: 'distributary rebuild STORE', expect: 'if the gap is longer than the outbox reaches back' },
    ],
  },
];

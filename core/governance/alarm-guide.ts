import type { Engine } from '../store-contract.ts';

/**
 * One thing to type, and how to know that it is as it should be. In capitals what the reader fills in: PREFIX is the
 * deployment's. Commands of distributary are those that the operations function answers: local mode alone has a status.
 */
export interface Step {
  readonly type: string;
  readonly expect: string;
}

export interface AlarmGuide {
  /** The alarm's name behind the deployment's prefix. */
  readonly alarm: string;
  readonly means: string;
  /** In this order, until it is well. The alarm itself says the first. */
  readonly steps: readonly [Step, ...Step[]];
}

const DOCTOR: Step = {
  type: 'distributary doctor',
  expect:
    'every precondition as it should be, or what to do: slot, WAL, publication, permissions, disk, queue policies',
};
const REBUILD: Step = {
  type: 'distributary rebuild STORE',
  expect: 'a new target beside this one, filled, compared, then cut over while readers go on; once for each store',
};

const RELAY_LOG: Step = {
  type: 'aws logs tail /aws/lambda/PREFIX-relay --since 15m',
  expect: 'what it waits for, or failed at; of one that runs as a service /aws/ecs/PREFIX-relay',
};
/** After one of the other steps. */
const AGAIN: Step = { ...DOCTOR, expect: 'once somebody reads the slot: nothing is kept for it, and stores are fresh' };

/** The alarms of a projected store, and of the domain that it lies in. */
export function storeAlarms(store: string, engine: Engine, maximum: string): readonly AlarmGuide[] {
  const drift = {
    type: `distributary drift ${store}`,
    expect: 'ids by class: missing, extra, stale, different, should be a tombstone',
  };
  const redrive = {
    type: `distributary redrive ${store}`,
    expect: 'a table of codes, each with its hint and an example',
  };
  return [
    {
      alarm: `${store}-stale`,
      means: `Readers see a state older than ${maximum}, or nothing has been heard of the store.`,
      steps: [
        {
          ...DOCTOR,
          expect: `how far ${store} is behind, and what stands in its way; all stores behind: the slot, and its reader. A backlog that falls on the dashboard heals itself`,
        },
        redrive,
      ],
    },
    {
      alarm: `${store}-failed`,
      means: 'Changes were refused for good and are missing here; everything else has landed.',
      steps: [
        redrive,
        {
          type: `distributary redrive ${store} --all`,
          expect: 'after the cause was mended: how many were sent back; exit 0 when none return',
        },
        { ...drift, expect: 'exit 0: nothing is missing, stale or different' },
      ],
    },
    {
      alarm: `${store}-errors`,
      means: 'The store refuses or times out; changes wait in their queue and nothing is lost.',
      steps: [DOCTOR, { ...drift, expect: 'after it is back: nothing that lag does not explain' }],
    },
    {
      alarm: `${store}-drift`,
      means: 'Documents differ from what the canonical store would give, and lag does not explain it.',
      steps: [
        drift,
        {
          type: `distributary drift ${store} --repair`,
          expect: 'just those ids are published again, then compared equal',
        },
        {
          type: `distributary rebuild ${store}`,
          expect: 'if many differ: a new target, cut over when its digests are equal',
        },
      ],
    },
    {
      alarm: `${store}-authorization`,
      means: 'The store answered with rows that the canonical store refuses; they were dropped before anyone saw them.',
      steps: [
        drift,
        {
          type: `distributary drift ${store} --repair`,
          expect: 'permission changes that were missed are published again',
        },
      ],
    },
    ...(engine === 'opensearch' ? DOMAIN_ALARMS : []),
  ];
}

const DOMAIN_DEPLOYED: Step = {
  type: 'npx cdk deploy PREFIX-search',
  expect: 'with a larger searchVolumeGibibytes under context in cdk.json: the alarm clears',
};

/** A domain is shared: whichever of its stores is looked at. */
const DOMAIN_ALARMS: readonly AlarmGuide[] = [
  {
    alarm: 'search-storage',
    means: 'A node is short of space: soon it refuses writes, and a rebuild finds no room for its second index.',
    steps: [{ ...DOCTOR, expect: 'of each search store whether it still takes writes' }, DOMAIN_DEPLOYED],
  },
  {
    alarm: 'search-blocked',
    means: 'The domain refuses writes, for want of storage or memory; changes wait in their queues.',
    steps: [
      { ...DOCTOR, expect: 'which index is blocked, and how full the disks are' },
      DOMAIN_DEPLOYED,
      { ...DOCTOR, expect: 'once the domain has room: each of its stores is fresh again' },
    ],
  },
  {
    alarm: 'search-health',
    means: 'The domain is red or gone: some documents cannot be found.',
    steps: [
      { ...DOCTOR, expect: 'whether the domain answers, and which shards have no node' },
      { ...REBUILD, expect: 'if a shard is lost: the index again, from the canonical store' },
    ],
  },
];

/** The API's, which keeps what it may show in the cache of permissions. */
export const API_ALARMS: readonly AlarmGuide[] = ['api-commands', 'api-queries'].map(service => ({
  alarm: `${service}-mismatch`,
  means: 'Stores keep answering with what the canonical store refuses. The rows were dropped: nobody has seen them.',
  steps: [
    { type: 'distributary drift case-search', expect: 'the documents that are not what the canonical store gives' },
    { type: 'distributary drift case-search --repair', expect: 'the same documents, published again' },
  ],
}));

/** Of a cache on Valkey. */
export const valkeyAlarms = (store: string): readonly AlarmGuide[] => [
  {
    alarm: `${store}-unreachable`,
    means:
      'Queries get no answer from the cache: each asks the canonical store what its caller may do. Nobody sees more.',
    steps: [
      {
        type: `aws elasticache describe-serverless-caches --serverless-cache-name PREFIX-${store}`,
        expect: 'the cache is available, its user group is active, its security group lets the clients in at port 6379',
      },
    ],
  },
  {
    alarm: `${store}-evictions`,
    means: 'The cache drops entries that are still good, for want of room; each is asked for again.',
    steps: [withHigher('MOST_GIGABYTES')],
  },
  {
    alarm: `${store}-full`,
    means:
      'The cache holds nearly as much as it may; some thousand people take a megabyte, so look for who writes more.',
    steps: [withHigher('MOST_GIGABYTES')],
  },
  {
    alarm: `${store}-throttled`,
    means: 'The cache refuses requests beyond its limit of units a second; they go to the canonical store.',
    steps: [withHigher('MOST_UNITS_A_SECOND')],
  },
];

function withHigher(limit: string): Step {
  return {
    type: 'npx cdk deploy PREFIX-api',
    expect: `with a higher ${limit} in lib/stores/valkey-cache.ts: the alarm clears`,
  };
}

/** The alarms of the relay, and of the guardian that watches the slot it reads; of what is purged, too. */
export const RELAY_ALARMS: readonly AlarmGuide[] = [
  {
    alarm: 'erasure-purge-due',
    means:
      'What a command purged has left traces in what keeps former states, or nobody looks for them: search and key-value stores have its tombstone.',
    steps: [
      { ...DOCTOR, expect: 'how many are due and since when, and the erasure that failed, if one did' },
      { type: 'distributary runs erasure', expect: 'the reports: whose traces are left, who has not answered' },
      { type: 'distributary retention', expect: 'everything due is erased now; exit 0 when no trace is left' },
    ],
  },
  {
    alarm: 'relay-silent',
    means: 'No relay publishes: every store falls behind. Nothing is lost while the slot holds its WAL.',
    steps: [{ ...DOCTOR, expect: 'whether somebody reads the slot, and how much is kept for it' }, RELAY_LOG, AGAIN],
  },
  {
    alarm: 'relay-parked',
    means: 'Outbox rows that nobody can read were set apart; their aggregates are missing a change.',
    steps: [
      { ...DOCTOR, expect: 'capture: whether each trigger is as the migrations made it' },
      {
        type: 'distributary drift STORE --repair',
        expect: 'the aggregates concerned, published again; once for each store',
      },
    ],
  },
  {
    alarm: 'guardian-slot-lost',
    means: 'The slot is gone, or WAL that it needs: changes are missing in every store until it has been rebuilt.',
    steps: [
      { ...DOCTOR, expect: 'that the slot is lost; once it was made anew, since when, and for which stores' },
      {
        type: 'aws lambda invoke --function-name PREFIX-migrate migrated.json',
        expect: 'in the file "slot":"created": it is made anew, and changes arrive again',
      },
      {
        type: 'distributary replay STORE --since TIME',
        expect: 'what the outbox still has, published again; it bridges a gap of days',
      },
      REBUILD,
    ],
  },
  {
    alarm: 'guardian-slot-at-risk',
    means: 'The slot will be lost at the next checkpoint: its reader is too far behind.',
    steps: [
      { ...DOCTOR, expect: 'whether somebody reads the slot, and how much is kept for it' },
      RELAY_LOG,
      { ...AGAIN, expect: `${AGAIN.expect}. If it stands, raise max_slot_wal_keep_size` },
    ],
  },
  {
    alarm: 'guardian-slot-retained',
    means: 'The canonical store keeps WAL for a slot that nobody acknowledges; its disk fills.',
    steps: [{ ...DOCTOR, expect: 'of each slot whether somebody reads it, and how much is kept for it' }, RELAY_LOG],
  },
  {
    alarm: 'guardian-heartbeat',
    means: 'No heartbeat was committed for two minutes, or the guardian itself is silent: nobody watches the slot.',
    steps: [
      { ...DOCTOR, expect: 'whether the canonical store takes writes, and somebody reads the slot' },
      RELAY_LOG,
      { type: 'aws logs tail /aws/lambda/PREFIX-guardian --since 15m', expect: 'a line each minute, and no error' },
    ],
  },
  {
    alarm: 'guardian-source-unsafe',
    means: 'This version of Aurora loses changes with its cache of the logical WAL on.',
    steps: [
      {
        type: 'npx cdk deploy PREFIX-canonical',
        expect: `with a newer ENGINE, or 'rds.logical_wal_cache': '0' among PARAMETERS, in lib/canonical-store.ts (a database of yours: the same there): the alarm clears`,
      },
      {
        type: 'distributary drift STORE',
        expect: 'once for each store: exit 0, or the ids of what was lost, which --repair publishes again',
      },
    ],
  },
];

import { durationText } from '../duration.ts';
import { isProjected, type StoreContract } from '../store-contract.ts';
import { type AlarmGuide, API_ALARMS, RELAY_ALARMS, storeAlarms, valkeyAlarms } from './alarm-guide.ts';
import { bullets, markdownTable, page } from './markdown.ts';

/** The page that a store's alarms name: each alarm, what it means, what to type, and what is then to be seen. */
export function runbook(store: StoreContract): string {
  const { store_name, governance, description } = store;
  const guides = alarmsOf(store);
  return page(
    `# Runbook: ${store_name}`,
    description,
    facts(store),
    guides.length > 0 ? `## Alarms\n\n${ON_AWS}` : undefined,
    ...guides.map(guide => alarmSection(guide)),
    isProjected(store) ? routine(store_name) : undefined,
    `## When it is lost\n\n${recovery(store)}`,
    governance?.consistency?.during_lag &&
      `## What people see meanwhile\n\n${governance.consistency.during_lag.trim()}`,
  );
}

const ON_AWS =
  'On AWS each command of `distributary` takes `--function PREFIX-operate`, or `PREFIX-operate-STORE` where a team deploys the store itself; PREFIX is the deployment’s.';

/** Of a projected store its own; of the outbox those of the relay that reads it; of the cache those of the API that asks it. */
export function alarmsOf(store: StoreContract): readonly AlarmGuide[] {
  if (isProjected(store))
    return storeAlarms(store.store_name, store.engine, durationText(store.freshness_contract.maximum_before_alert));
  if (store.role === 'cache')
    return [...API_ALARMS, ...(store.engine === 'valkey' ? valkeyAlarms(store.store_name) : [])];
  return store.role === 'integration' ? RELAY_ALARMS : [];
}

function facts(store: StoreContract): string {
  const {
    owner_team,
    governance,
    role,
    engine,
    canonical_source,
    freshness_contract: promise,
    served_use_cases,
  } = store;
  return markdownTable(
    ['', ''],
    [
      ['woken', governance?.ownership?.operations ?? `_not said yet; the owner is ${owner_team}_`],
      ['owner', owner_team],
      [
        'role',
        [role, engine && `on ${engine}`, canonical_source && `made from ${canonical_source}`]
          .filter(Boolean)
          .join(', '),
      ],
      ['serves', served_use_cases.map(use => use.replaceAll('_', ' ')).join(', ')],
      ...(promise
        ? [
            [
              'freshness',
              `${durationText(promise.normal_p95)} at p95, alarm at ${durationText(promise.maximum_before_alert)}`,
            ],
          ]
        : []),
      ['personal data', store.security.contains_pii ? 'yes' : 'no'],
    ],
  );
}

function alarmSection({ alarm, means, steps }: AlarmGuide): string {
  const rows = steps.map(({ type, expect }, index) => [String(index + 1), `\`${type}\``, expect]);
  return `### ${alarm}\n\n${means}\n\n${markdownTable(['', 'Type', 'Then'], rows)}`;
}

function routine(store: string): string {
  const rows = [
    [
      'make it again beside itself',
      `distributary rebuild ${store}`,
      'progress, then digests equal, cut over, downtime 0',
    ],
    [
      'back to the target before',
      `distributary rollback ${store}`,
      'at once; the new target stays until it is dropped',
    ],
    [
      'publish the last hours again',
      `distributary replay ${store} --since TIME`,
      'counts; what is there already is stale, which is success',
    ],
    ['compare it whole', `distributary drift ${store}`, 'exit 0 and no ids, or exit 1 and the ids by class'],
    [
      'take it out of service',
      `distributary retire ${store}`,
      'the ten steps of a retirement, each carried out or verified',
    ],
  ];
  return `## Routine\n\n${markdownTable(
    ['To', 'Type', 'Then'],
    rows.map(([to, type, then]) => [to!, `\`${type}\``, then!]),
  )}`;
}

function recovery({ rebuild, governance, store_name }: StoreContract): string {
  if (rebuild.supported) {
    return `\`distributary rebuild ${store_name}\`: from ${rebuild.source?.replaceAll('_', ' ')}, about ${durationText(rebuild.estimated_duration ?? 0)}.`;
  }
  const told = governance?.recovery;
  const open = (key: string) => `_not said yet: governance.recovery.${key}_`;
  return bullets([
    `Backup: ${told?.backup ?? open('backup')}`,
    `Restore: ${told?.restore ?? open('restore')}`,
    `After corruption: ${told?.after_corruption ?? open('after_corruption')}`,
  ]);
}

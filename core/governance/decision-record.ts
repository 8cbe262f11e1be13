import { durationText } from '../duration.ts';
import { isDerived, isProjected, type StoreContract } from '../store-contract.ts';
import { bullets, markdownTable, page } from './markdown.ts';

/** The architecture decision record of a store: the template of requirements 000 §21, filled from its contract. */
export function decisionRecord(store: StoreContract): string {
  const decision = store.governance?.decision;
  const open = (key: string) => `_Not said yet: ${key} in contracts/stores/${store.store_name}.yaml._`;
  const said = (text: string | undefined, key: string) => text?.trim() ?? open(`governance.${key}`);
  return page(
    `# ADR: ${store.store_name} for ${store.served_use_cases.map(use => use.replaceAll('_', ' ')).join(', ')}`,
    `## Status\n\n${decision?.status ?? open('governance.decision.status')}${decision?.decided_on ? `, ${decision.decided_on}` : ''}`,
    `## Context\n\n${[store.description, said(decision?.capability_gap, 'decision.capability_gap')].filter(Boolean).join('\n\n')}`,
    `## Existing alternatives\n\n${alternatives(store) ?? open('governance.decision.alternatives')}`,
    `## Decision\n\n${decided(store)}`,
    `## Ownership\n\n${ownership(store)}`,
    `## Consistency contract\n\n${consistency(store, said)}`,
    `## Integration pattern\n\n${integration(store, said)}`,
    `## Recovery\n\n${recovery(store, said)}`,
    `## Security and compliance\n\n${security(store, said)}`,
    `## Consequences\n\n${consequences(store, said)}`,
    `## Exit plan\n\n${said(decision?.exit_plan, 'decision.exit_plan')}`,
    decision?.revisit_when && `## Revisit when\n\n${bullets(decision.revisit_when)}`,
  );
}

type Said = (text: string | undefined, key: string) => string;

function alternatives({ governance }: StoreContract): string | undefined {
  const options = governance?.decision?.alternatives;
  return (
    options &&
    markdownTable(
      ['Option', 'Result', 'Measured'],
      options.map(({ option, result, measured }) => [option.trim(), result.trim(), measured?.trim() ?? '–']),
    )
  );
}

function decided({ engine, role, canonical_source, store_name }: StoreContract): string {
  const what = engine ? `\`${store_name}\` on ${engine}` : `\`${store_name}\``;
  return `${what} is introduced. It is **${role}**${canonical_source ? `, made from \`${canonical_source}\`` : ': it decides what is true'}.`;
}

function ownership({ owner_team, governance }: StoreContract): string {
  const { ownership: owns = {}, approvals = {} } = governance ?? {};
  const rows = [
    ['Schema', owner_team, approvals.schema],
    ['Writes', owns.writes ?? owner_team, approvals.schema],
    ['Reads', owns.reads ?? owner_team, approvals.access],
    ['Operations', owns.operations ?? owner_team, approvals.indexes],
    ['Security', owns.security ?? owner_team, approvals.access],
    ['Retention', owner_team, approvals.retention],
    ['Cost', owns.cost ?? owner_team, undefined],
  ];
  return markdownTable(
    ['Of', 'Owner', 'Approves changes'],
    rows.map(row => row.map(cell => cell ?? '–')),
  );
}

function consistency(store: StoreContract, said: Said): string {
  const { freshness_contract: promise, governance } = store;
  const told = governance?.consistency;
  const lines = [`Contract: ${said(told?.contract, 'consistency.contract')}`];
  if (promise) {
    lines.push(
      `Freshness: ${durationText(promise.normal_p95)} at p95, alarm at ${durationText(promise.maximum_before_alert)}`,
    );
  }
  if (isDerived(store)) {
    lines.push(
      `While it is behind: ${said(told?.during_lag, 'consistency.during_lag')}`,
      `May read stale data: ${said(told?.stale_allowed?.join(', '), 'consistency.stale_allowed')}`,
      `Must ask the canonical store: ${said(told?.stale_forbidden?.join(', '), 'consistency.stale_forbidden')}`,
    );
  }
  return bullets(lines);
}

function integration(store: StoreContract, said: Said): string {
  if (isProjected(store)) {
    return 'Outbox: the change is captured in the transaction that made it, carried by topic and queues, and applied only if it is newer than what is there. A repeated, late or reordered delivery changes nothing.';
  }
  const told = store.governance?.integration;
  return bullets([said(told?.pattern, 'integration.pattern'), said(told?.repetition, 'integration.repetition')]);
}

function recovery({ rebuild, governance, store_name }: StoreContract, said: Said): string {
  if (rebuild.supported) {
    return bullets([
      `Backup: none is needed; it is built again from ${rebuild.source?.replaceAll('_', ' ')}`,
      `Rebuild: \`distributary rebuild ${store_name}\`, ${durationText(rebuild.estimated_duration ?? 0)}, while it serves`,
      'Validation: digests of key ranges and shadow reads, before readers see it',
      `Cutover: ${rebuild.cutover_strategy?.replaceAll('_', ' ')}; back with \`distributary rollback ${store_name}\``,
    ]);
  }
  const told = governance?.recovery;
  return bullets([
    `Backup: ${said(told?.backup, 'recovery.backup')}`,
    `Restore: ${said(told?.restore, 'recovery.restore')}`,
    `After corruption: ${said(told?.after_corruption, 'recovery.after_corruption')}`,
  ]);
}

function security({ security, fields = {}, governance }: StoreContract, said: Said): string {
  const personal = Object.entries(fields).filter(([, { pii }]) => pii !== 'none');
  const told = governance?.lifecycle;
  return bullets([
    `Personal data: ${security.contains_pii ? `yes${personal.length > 0 ? ` (${personal.map(([name, { pii }]) => `${name}: ${pii}`).join(', ')})` : ''}` : 'no'}`,
    `Authorization filter: ${security.authorization_filter_required ? 'on every query' : 'none'}; masking: ${security.field_masking_required ? 'by role' : 'none'}`,
    'Encryption: at rest and in transit',
    `Retention: ${said(told?.retention, 'lifecycle.retention')}`,
    `Deletion: ${said(told?.deletion, 'lifecycle.deletion')}`,
    `Legal hold: ${said(told?.legal_hold, 'lifecycle.legal_hold')}`,
  ]);
}

function consequences({ governance }: StoreContract, said: Said): string {
  const { decision, cost } = governance ?? {};
  const list = (items: readonly string[] | undefined, key: string) => (items ? bullets(items) : said(undefined, key));
  return [
    `Benefits:\n\n${list(decision?.benefits, 'decision.benefits')}`,
    `Risks:\n\n${list(decision?.risks, 'decision.risks')}`,
    `Costs that no bill shows:\n\n${bullets((['engineering', 'cognitive', 'governance'] as const).map(kind => `${kind}: ${said(cost?.[kind], `cost.${kind}`)}`))}`,
  ].join('\n\n');
}

import type { AggregateContract } from '../../../core/aggregate-contract.ts';
import type { PublicationFacts, SlotFacts, SourceFacts } from '../../../core/doctor.ts';
import type { CanonicalConnection } from '../canonical/canonical-connection.ts';

/** What the relay's publication is called in canonical/. */
const PUBLICATION = 'distributary_outbox';
const ROLES = [
  'distributary_app',
  'distributary_query',
  'distributary_relay',
  'distributary_reader',
  'distributary_operator',
];
const ROOT_TRIGGERS = ['stamp', 'record', 'record_update', 'emit'];

/** Out of catalogues that every role may read, and what was noted of slots. */
export async function examineSource(
  { query }: CanonicalConnection,
  aggregates: readonly AggregateContract[],
  storesNotRebuiltSince: (at: number) => Promise<readonly string[]>,
): Promise<SourceFacts> {
  const wanted = aggregates.flatMap(triggersOf);
  const functions = aggregates.flatMap(({ aggregate }) => functionsOf(aggregate));
  const [settings] = await query<Settings>(SETTINGS, [ROLES]);
  const slots: SlotFacts[] = [];
  for (const { safeBytes, anewAt, ...slot } of await query<SlotRow>(SLOTS, [])) {
    const gap = anewAt === null ? undefined : { at: anewAt, stores: await storesNotRebuiltSince(anewAt) };
    slots.push({ ...slot, safeBytes: safeBytes ?? undefined, gap });
  }
  const [publication] = await query<PublicationFacts>(PUBLICATION_FACTS, [PUBLICATION]);
  const dead = await query<{ name: string }>(DEAD_TRIGGERS, [wanted]);
  const forbidden = await query<{ name: string }>(FORBIDDEN, [functions]);
  return {
    ...settings!,
    slots,
    publication,
    deadTriggers: dead.map(({ name }) => name),
    forbidden: forbidden.map(({ name }) => name),
  };
}

type SlotRow = Omit<SlotFacts, 'safeBytes' | 'gap'> & {
  readonly safeBytes: number | null;
  readonly anewAt: number | null;
};
type Settings = Omit<SourceFacts, 'slots' | 'publication' | 'deadTriggers' | 'forbidden'>;

/** As the generated capture.sql names them. */
const triggersOf = ({ aggregate, root, children }: AggregateContract): readonly string[] => [
  ...ROOT_TRIGGERS.map(trigger => `${root.table}.${trigger}`),
  ...children.flatMap(({ table }) =>
    ['insert', 'update', 'delete'].map(event => `${table}.touch_${aggregate.replaceAll('-', '_')}_${event}`),
  ),
];

const functionsOf = (aggregate: string): readonly string[] => {
  const name = aggregate.replaceAll('-', '_');
  return [
    `capture.${name}_rows(uuid, integer)`,
    `capture.${name}_entries(uuid, uuid)`,
    `capture.${name}_found(uuid[])`,
  ];
};

const SETTINGS = `
  select current_setting('server_version_num')::integer as version,
         current_setting('wal_level') as "walLevel",
         pg_is_in_recovery() or current_setting('default_transaction_read_only') = 'on' as "isReadOnly",
         current_setting('max_replication_slots')::integer - (select count(*) from pg_replication_slots)::integer as "freeSlots",
         current_setting('max_wal_senders')::integer
           - (select count(*) from pg_stat_activity where backend_type = 'walsender')::integer as "freeSenders",
         array(select name from unnest($1::text[]) name
                where not exists (select from pg_roles where rolname = name and rolcanlogin)) as "deadRoles",
         to_regclass('canonical.' || to_char((now() at time zone 'utc')::date + 1, '"outbox_"YYYY_MM_DD')) is not null
           as "outboxAhead"`;

/** Temporary slots go with their session, and other databases' are not ours to judge. */
const SLOTS = `
  select coalesce(slot_name, slots.name) as name, coalesce(active, false) as "isActive",
         case when slot_name is null then 'gone' else coalesce(wal_status, 'lost') end as "walStatus",
         coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::float8 as "retainedBytes",
         safe_wal_size::float8 as "safeBytes", (extract(epoch from anew_at) * 1000)::float8 as "anewAt"
    from (select * from pg_replication_slots
           where slot_type = 'logical' and not temporary and database = current_database()) slot
      full join canonical.slots on slots.name = slot_name
    order by name`;

const PUBLICATION_FACTS = `
  select pubname as name, pubinsert and not pubupdate and not pubdelete and not pubtruncate as "isInsertOnly",
         pubviaroot as "isViaRoot",
         array(select tablename::text from pg_publication_tables tables
                where tables.pubname = publication.pubname order by tablename) as tables
    from pg_publication publication where pubname = $1`;

const DEAD_TRIGGERS = `
  select name from unnest($1::text[]) name
    where not exists (
      select from pg_trigger trigger join pg_class on pg_class.oid = tgrelid
        where relnamespace = 'canonical'::regnamespace and relname || '.' || tgname = name and tgenabled in ('O', 'A'))
    order by name`;

const FORBIDDEN = `
  select name from unnest($1::text[]) name
    where to_regprocedure(name) is null or not has_function_privilege('distributary_reader', name, 'execute')`;

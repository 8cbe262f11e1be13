import * as z from 'zod';

/** Where a figure is from memory. */
const NOWHERE = 'nowhere';

/** One list price in US dollars, and who has quoted it when. */
const figure = z
  .strictObject({
    dollars: z.number().min(0),
    seen: z.union([z.literal(NOWHERE), z.url({ protocol: /^https$/ })], `is no https:// address, and not "${NOWHERE}"`),
    /** A day, a month or a year, as the page says it; `undated` where it does not. */
    on: z
      .string()
      .regex(/^(\d{4}(-\d{2}){0,2}|undated)$/, 'is no day, month or year, and not "undated"')
      .optional(),
  })
  .refine(({ seen, on }) => seen === NOWHERE || on !== undefined, 'does not say when it was seen: add "on"');

/** Each name ends in what the price is for. */
const figures = {
  lambda_million_invocations: figure,
  lambda_arm64_gigabyte_second: figure,
  sqs_million_requests: figure,
  sns_million_publishes: figure,
  dynamodb_million_writes: figure,
  dynamodb_million_reads: figure,
  dynamodb_gigabyte_month: figure,
  dynamodb_backup_gigabyte_month: figure,
  s3_million_puts: figure,
  s3_million_gets: figure,
  s3_gigabyte_month: figure,
  opensearch_t3_small_hour: figure,
  opensearch_r7g_large_hour: figure,
  opensearch_volume_gigabyte_month: figure,
  valkey_gigabyte_hour: figure,
  valkey_million_units: figure,
  aurora_capacity_unit_hour: figure,
  aurora_gigabyte_month: figure,
  interface_endpoint_hour: figure,
  kms_key_month: figure,
  alarm_month: figure,
  metric_month: figure,
};

/** contracts/prices.yaml */
export const priceTableSchema = z.strictObject({
  region: z.string(),
  source: z.string(),
  figures: z.strictObject(figures),
});
export type PriceTable = Readonly<z.infer<typeof priceTableSchema>>;
/** US dollars. */
export type Prices = { readonly [Name in keyof typeof figures]: number };

export const dollarsOf = ({ figures }: PriceTable): Prices =>
  Object.fromEntries(Object.entries(figures).map(([name, { dollars }]) => [name, dollars])) as Prices;

/** How well a table is vouched for. */
export interface Vouched {
  /** When the others were quoted: the oldest and the newest day, month or year. */
  readonly from: string;
  readonly to: string;
  readonly undated: readonly string[];
  /** Figures from memory. */
  readonly unconfirmed: readonly string[];
}

export function vouched({ figures }: PriceTable): Vouched {
  const all = Object.entries(figures);
  const days = all.flatMap(([, { on }]) => (on === undefined || on === 'undated' ? [] : [on])).sort();
  const namesOf = (is: (one: (typeof all)[number][1]) => boolean) =>
    all.filter(([, one]) => is(one)).map(([name]) => name);
  return {
    from: days[0] ?? 'never',
    to: days.at(-1) ?? 'never',
    undated: namesOf(({ on }) => on === 'undated'),
    unconfirmed: namesOf(({ seen }) => seen === NOWHERE),
  };
}

/** Requests by service and operation, invocations and milliseconds of functions. */
const counts = z.record(z.string(), z.number().min(0));
export type Counts = Readonly<z.infer<typeof counts>>;

/** contracts/requests.yaml: what a run of the pipeline asked of AWS's services, measured. */
export const measuredSchema = z.strictObject({
  measured_on: z.iso.date(),
  command: z.string(),
  changes: z.int().min(1),
  changes_per_second: z.number().min(0),
  /** Function, e.g. `project-case-search` or `relay` → its counts, by what they follow from. */
  parts: z.record(z.string(), z.strictObject({ million_changes: counts, idle_hour: counts })),
});
export type Measured = Readonly<z.infer<typeof measuredSchema>>;
export type MeasuredPart = Measured['parts'][string];

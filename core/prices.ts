import * as z from 'zod';

const dollars = z.number().min(0);

/** contracts/prices.yaml: US dollars. Each name ends in what the price is for. */
export const priceTableSchema = z.strictObject({
  as_of: z.iso.date('is no date such as 2025-06-30'),
  region: z.string(),
  source: z.string(),
  lambda_million_invocations: dollars,
  lambda_arm64_gigabyte_second: dollars,
  sqs_million_requests: dollars,
  sns_million_publishes: dollars,
  dynamodb_million_writes: dollars,
  dynamodb_million_reads: dollars,
  dynamodb_gigabyte_month: dollars,
  dynamodb_backup_gigabyte_month: dollars,
  s3_million_puts: dollars,
  s3_million_gets: dollars,
  s3_gigabyte_month: dollars,
  opensearch_t3_small_hour: dollars,
  opensearch_r7g_large_hour: dollars,
  opensearch_volume_gigabyte_month: dollars,
  aurora_capacity_unit_hour: dollars,
  aurora_gigabyte_month: dollars,
  interface_endpoint_hour: dollars,
  alarm_month: dollars,
  metric_month: dollars,
});
export type PriceTable = Readonly<z.infer<typeof priceTableSchema>>;

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

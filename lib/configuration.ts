import type { App } from 'aws-cdk-lib';
import { z } from 'zod';
import { DistributaryError } from '../core/errors.ts';

/** What a deployment may be told, in `cdk.json` under `context` or by `-c key=value`. */
const configurationSchema = z.object({
  /** Begins every physical name, so that two pipelines fit into one account. */
  prefix: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,19}$/, 'is no kebab-case name of 20 characters at most')
    .default('distributary'),
  /** `small` is the cheapest that works; `production` survives the loss of a zone and keeps more. */
  size: z.enum(['small', 'production']).default('small'),
  /** Who is told of alarms; more may subscribe to the topic. */
  alarmEmail: z.email('is no e-mail address').optional(),
});

export type Configuration = Readonly<z.infer<typeof configurationSchema>>;

/** Reads the context. Throws `configuration-invalid`. */
export function readConfiguration(app: App): Configuration {
  const values = Object.keys(configurationSchema.shape).map(key => [key, app.node.tryGetContext(key)]);
  const result = configurationSchema.safeParse(Object.fromEntries(values), { reportInput: true });
  if (result.success) return result.data;
  const what = result.error.issues.map(({ path, message, input }) => `${path.join('.')}: ${message}, ${String(input)}`);
  throw new DistributaryError('configuration-invalid', what.join('; '));
}

/** Sizes of what costs money, by `size`. */
export interface Preset {
  readonly zones: number;
  /** Aurora capacity units, of 2 GiB each. */
  readonly databaseCapacity: { readonly min: number; readonly max: number };
  /** Instances beside the writer, which take over when it fails. */
  readonly databaseReaders: number;
  readonly backupDays: number;
  readonly deletionProtection: boolean;
  readonly searchInstance: string;
  readonly searchNodes: number;
  readonly searchVolumeGibibytes: number;
  readonly logDays: number;
  /** Keep the stores that a rebuild can make again when their stack is deleted. */
  readonly keepDerivedStores: boolean;
}

export const PRESETS: Readonly<Record<Configuration['size'], Preset>> = {
  small: {
    zones: 2,
    databaseCapacity: { min: 0.5, max: 4 },
    databaseReaders: 0,
    backupDays: 7,
    deletionProtection: true,
    searchInstance: 't3.small.search',
    searchNodes: 1,
    searchVolumeGibibytes: 20,
    logDays: 14,
    keepDerivedStores: false,
  },
  production: {
    zones: 3,
    databaseCapacity: { min: 2, max: 64 },
    databaseReaders: 1,
    backupDays: 35,
    deletionProtection: true,
    searchInstance: 'r7g.large.search',
    searchNodes: 3,
    searchVolumeGibibytes: 200,
    logDays: 90,
    keepDerivedStores: true,
  },
};

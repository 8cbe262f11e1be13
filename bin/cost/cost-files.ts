import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DistributaryError } from '../../core/errors.ts';
import { type Measured, measuredSchema, type PriceTable, priceTableSchema } from '../../core/prices.ts';
import { parseYaml } from '../../core/yaml.ts';
import { PACKAGE } from '../../lib/entry-points.ts';

export const REQUESTS_FILE = 'contracts/requests.yaml';
const PRICES_FILE = 'contracts/prices.yaml';

/** Throws `contract-invalid` at the line of what is wrong. */
export const readPrices = (root: string): PriceTable =>
  parseYaml(priceTableSchema, read(root, PRICES_FILE), PRICES_FILE);
export const readMeasured = (root: string): Measured =>
  parseYaml(measuredSchema, read(root, REQUESTS_FILE), REQUESTS_FILE);

/** A team's repository has its contracts, and may leave prices and measurements to the package. */
function read(root: string, file: string): string {
  const path = [root, PACKAGE].map(folder => join(folder, file)).find(existsSync);
  if (path !== undefined) return readFileSync(path, 'utf8');
  const hint = file === REQUESTS_FILE ? 'count them: distributary cost --measure' : `copy ${file} from the package`;
  throw new DistributaryError('contract-missing', `no file ${file}`, { hint });
}

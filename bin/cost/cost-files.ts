import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Measured, measuredSchema, type PriceTable, priceTableSchema } from '../../core/prices.ts';
import { parseYaml } from '../../core/yaml.ts';

export const REQUESTS_FILE = 'contracts/requests.yaml';
const PRICES_FILE = 'contracts/prices.yaml';

/** Throws `contract-invalid` at the line of what is wrong. */
export const readPrices = (root: string): PriceTable =>
  parseYaml(priceTableSchema, text(root, PRICES_FILE), PRICES_FILE);
export const readMeasured = (root: string): Measured =>
  parseYaml(measuredSchema, text(root, REQUESTS_FILE), REQUESTS_FILE);

const text = (root: string, file: string): string => readFileSync(join(root, file), 'utf8');

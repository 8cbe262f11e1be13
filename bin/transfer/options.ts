import { Option } from 'commander';
import { DistributaryError } from '../../core/errors.ts';

export const keyOption = (): Option =>
  new Option(
    '--key <key>',
    'what seals the bundle: a file with 32 random bytes in base64, or the ARN of a key of KMS',
  ).makeOptionMandatory();

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function tenantIdOf(text: string): string {
  if (UUID.test(text)) return text.toLowerCase();
  throw new DistributaryError('usage', `"${text}" is no tenant id`, { hint: 'it is a UUID' });
}

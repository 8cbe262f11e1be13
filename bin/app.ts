import { resolve } from 'node:path';
import { DistributaryError } from '../core/errors.ts';
import { synthesise } from '../lib/pipeline-app.ts';

try {
  await synthesise({ root: resolve(import.meta.dirname, '..') });
} catch (error) {
  if (!(error instanceof DistributaryError)) throw error;
  console.error(error.describe());
  process.exitCode = 1;
}

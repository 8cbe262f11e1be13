import { DistributaryError } from '../core/errors.ts';
import { synthesise } from '../lib/pipeline-app.ts';

try {
  // The CDK CLI starts the app in the folder of cdk.json. Local mode runs what it reads, and leaves CloudFormation's rules to CI.
  await synthesise({ root: process.cwd(), checkTemplates: !process.argv.includes('--unchecked') });
} catch (error) {
  if (error instanceof DistributaryError) console.error(error.describe());
  // CDK has said by then which rules are broken, and where.
  else if (error instanceof Error && error.name === 'ValidationFailed') console.error(error.message);
  else throw error;
  process.exitCode = 1;
}

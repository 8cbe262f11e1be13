import { DistributaryError } from '../core/errors.ts';
import { synthesise } from '../lib/pipeline-app.ts';

try {
  // The CDK CLI starts the app in the folder of cdk.json. Local mode runs what it reads, and leaves CloudFormation's rules to CI.
  await synthesise({ root: process.cwd(), checkTemplates: !process.argv.includes('--unchecked') });
} catch (error) {
  if (!(error instanceof DistributaryError)) throw error;
  console.error(error.describe());
  process.exitCode = 1;
}

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Before all tests: what they, and what they call, leave in the temporary folder goes when they are over. */
export default function ownTemporaryFolder(): void {
  const folder = mkdtempSync(join(tmpdir(), 'distributary-tests-'));
  // Servers that run as a user without rights have to reach their folders.
  chmodSync(folder, 0o755);
  process.env.TMPDIR = folder;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
}

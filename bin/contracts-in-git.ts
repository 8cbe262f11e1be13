import { spawnSync } from 'node:child_process';
import { type Catalogue, parseCatalogue, type SourceFile } from '../core/catalogue.ts';
import { DistributaryError } from '../core/errors.ts';
import { joinPipeline } from '../lib/team-catalogue.ts';

/** Contracts are text: more than this is something else. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/**
 * The contracts as they were at a git revision, read beside the working tree; a team's own among the pipeline's, as this
 * package has them. Throws `usage` for what git does not know.
 */
export function catalogueAtRevision(revision: string, folder: string): Catalogue {
  const commit = git(folder, ['rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`], revision).trim();
  const read = (kind: string): readonly SourceFile[] =>
    git(folder, ['ls-tree', '--name-only', commit, `contracts/${kind}/`], revision)
      .split('\n')
      .filter(path => path.endsWith('.yaml'))
      .map(path => ({ file: `${revision}:${path}`, text: git(folder, ['show', `${commit}:./${path}`], revision) }));
  const [stores, aggregates] = [read('stores'), read('aggregates')];
  if (stores.length === 0) {
    const hint = 'name a revision that has contracts, or go to the folder that they lie in';
    throw new DistributaryError('contract-missing', `no folder contracts/stores at ${revision}`, { hint });
  }
  return aggregates.length > 0 ? parseCatalogue({ stores, aggregates }) : joinPipeline(stores);
}

function git(folder: string, args: readonly string[], revision: string): string {
  const { status, stdout, stderr, error } = spawnSync('git', args, {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  if (status === 0) return stdout;
  const why = error?.message ?? stderr.trim().split('\n')[0];
  throw new DistributaryError('usage', `"${revision}" is neither a folder nor a git revision here: ${why}`, {
    hint: 'name a folder with contracts/ in it, a branch, a tag or a commit',
  });
}

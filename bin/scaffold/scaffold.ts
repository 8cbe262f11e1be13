import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { DistributaryError } from '../../core/errors.ts';
import { hintOf } from '../../core/hint.ts';
import { PACKAGE } from '../../lib/entry-points.ts';
import { Names } from '../../lib/names.ts';
import { mustBeFree, readCatalogueOf } from '../../lib/team-catalogue.ts';
import { type DraftFile, projectorFilesOf, type ScaffoldedEngine } from './projector-files.ts';
import { repositoryFilesOf } from './repository-files.ts';

export interface ScaffoldRequest {
  readonly store: string;
  readonly engine: ScaffoldedEngine;
  readonly aggregate: string;
  readonly owner: string;
  /** A team's repository, made when it is not there. @default the pipeline's repository, which is the present folder */
  readonly repository?: string | undefined;
}

export interface Scaffolded {
  readonly root: string;
  readonly written: readonly string[];
  /** Whether a whole repository was made. */
  readonly isFresh: boolean;
}

/** Writes a store's contract, projector and test, and a repository around them where there is none. Overwrites nothing. */
export function scaffold(request: ScaffoldRequest): Scaffolded {
  const { store, engine, owner, repository } = request;
  const root = resolve(repository ?? '.');
  if (repository === undefined && !existsSync(join(root, 'contracts', 'aggregates'))) {
    throw new DistributaryError('usage', `${root} is no repository of a pipeline: it has no contracts/aggregates`, {
      hint: 'name the repository of your team with --repository FOLDER, or go to the root of the pipeline',
    });
  }
  if (repository !== undefined) mustBeFree(store);
  const isFresh = repository !== undefined && !existsSync(join(root, 'package.json'));
  const files = [...draft({ ...request, root, engine, owner }), ...(isFresh ? repositoryFilesOf(store) : [])];
  const present = files.find(({ path }) => existsSync(join(root, path)));
  if (present) {
    const hint = 'nothing was written: choose another name, or remove the file';
    throw new DistributaryError('usage', `${present.path} is there already`, { place: { file: present.path }, hint });
  }
  for (const { path, text } of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return { root: relative('.', root) || '.', written: files.map(({ path }) => path), isFresh };
}

function draft({
  store,
  engine,
  owner,
  aggregate,
  root,
  repository,
}: ScaffoldRequest & { root: string }): readonly DraftFile[] {
  const hasContracts = existsSync(join(root, 'contracts', 'stores'));
  const { aggregates, canonical, projected } = readCatalogueOf(hasContracts ? root : PACKAGE);
  const known = aggregates.map(one => one.aggregate);
  const found = aggregates.find(one => one.aggregate === aggregate);
  if (!found)
    throw new DistributaryError('usage', `unknown aggregate ${aggregate}`, { hint: hintOf(aggregate, known) });
  const others = projected.map(({ store_name }) => store_name).filter(name => name !== store);
  new Names('distributary').check([...others, store]);
  const within = repository === undefined ? 'pipeline' : 'team';
  return projectorFilesOf({ store, engine, aggregate: found, owner, canonicalSource: canonical.store_name, within });
}

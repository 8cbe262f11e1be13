import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Option } from 'commander';
import type { Catalogue } from '../../core/catalogue.ts';
import { DistributaryError } from '../../core/errors.ts';
import { hintOf } from '../../core/hint.ts';
import type { StoreContract } from '../../core/store-contract.ts';
import { PACKAGE } from '../../lib/entry-points.ts';
import { readCatalogueOf } from '../../lib/team-catalogue.ts';

export interface RootOptions {
  readonly root: string;
}

const holdsContracts = (folder: string): boolean => existsSync(join(folder, 'contracts', 'stores'));

/** Where `contracts/` lies: here, if it does, else in the package. */
export const rootOption = (): Option =>
  new Option('--root <folder>', 'folder that contracts/ lies in')
    .default(holdsContracts(process.cwd()) ? process.cwd() : PACKAGE, 'this one, or the package')
    .argParser(path => resolve(path));

/** The stores that a command is about: the one named, or all. */
export function chosenStores(catalogue: Catalogue, store: string | undefined): readonly StoreContract[] {
  if (store === undefined) return catalogue.stores;
  const found = catalogue.stores.find(({ store_name }) => store_name === store);
  if (found) return [found];
  const names = catalogue.stores.map(({ store_name }) => store_name);
  throw new DistributaryError('usage', `no store "${store}" has a contract`, { hint: hintOf(store, names, 'stores') });
}

export const catalogueAt = ({ root }: RootOptions): Catalogue => readCatalogueOf(root);

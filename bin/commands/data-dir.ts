import { resolve } from 'node:path';
import { Option } from 'commander';

/** The folder of a local mode, for the commands that run one and those that look for one. */
export const dataDirOption = (): Option =>
  new Option('--data-dir <folder>', 'folder of the local mode')
    .default(resolve('.distributary'), '.distributary')
    .argParser(path => resolve(path));

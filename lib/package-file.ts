import { extname, join, resolve } from 'node:path';

/** Where `functions/` and `canonical/` lie, whoever uses the package. */
export const PACKAGE = resolve(import.meta.dirname, '..');
/** A file of the package, named as its source is: a published package holds what was compiled of it. */
export const packageFile = (path: string): string =>
  join(PACKAGE, path.replace(/\.ts$/, extname(import.meta.filename)));

import { registerHooks } from 'node:module';
import { extname } from 'node:path';

/**
 * Loaded with `--import` into the CDK app of a team's repository: where that has installed nothing, it gets this package
 * and what this package depends on.
 */
const entry = (path: string): string => new URL(`../${path}${extname(import.meta.filename)}`, import.meta.url).href;
const LENT: Readonly<Record<string, string>> = {
  distributary: entry('index'),
  'distributary/cdk': entry('lib/index'),
  'distributary/testing': entry('testing/index'),
};
const isBare = (specifier: string): boolean => /^[@a-z]/i.test(specifier) && !specifier.includes(':');

registerHooks({
  resolve(specifier, context, nextResolve) {
    try {
      return nextResolve(specifier, context);
    } catch (error) {
      if (!isBare(specifier)) throw error;
      return nextResolve(LENT[specifier] ?? specifier, { ...context, parentURL: import.meta.url });
    }
  },
});

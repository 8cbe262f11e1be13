import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { App } from 'aws-cdk-lib';
import { z } from 'zod';
import { DistributaryError } from '../core/errors.ts';
import { FileDefects, findDefects, locateDefects } from '../core/yaml.ts';
import { configurationRules } from './configuration-rules.ts';
import { type Configuration, configurationSchema } from './configuration-schema.ts';

/** CDK's own keys, such as feature flags, have a colon or a slash. */
const isOurs = (key: string): boolean => !/[:/]/.test(key);

/**
 * Reads the context. Throws `configuration-invalid` with every defect: in `cdk.json` under `root` at its line, or named
 * as the `-c` option that it came by.
 */
export function readConfiguration(app: App, root?: string): Configuration {
  const context: Record<string, unknown> = app.node.getAllContext();
  const given = Object.fromEntries(Object.entries(context).filter(([key]) => isOurs(key)));
  const { defects, value } = findDefects(configurationSchema, given, configurationRules);
  const file = fileOf(root);
  const [first, ...others] = defects.map(defect => {
    const key = String(defect.path[0]);
    const written = file?.context[key];
    if (file && (written === undefined ? !(key in given) : String(written) === String(given[key]))) {
      const path = ['context', ...defect.path];
      return locateDefects([{ ...defect, path }], file.text, FILE, 'configuration-invalid')[0]!;
    }
    const option = key in given ? `-c ${key}=${String(given[key])}: ` : '';
    const hint = defect.hint === undefined ? {} : { hint: defect.hint };
    return new DistributaryError('configuration-invalid', `${option}${defect.message}`, hint);
  });
  if (first) throw new FileDefects([first, ...others]);
  return value;
}

const FILE = 'cdk.json';
const fileSchema = z.object({ context: z.record(z.string(), z.unknown()).default({}) });

/** What the file says, for places in it; the CDK CLI has read it long before. */
function fileOf(root: string | undefined): { text: string; context: Readonly<Record<string, unknown>> } | undefined {
  const path = root === undefined ? undefined : join(root, FILE);
  if (path === undefined || !existsSync(path)) return undefined;
  const content = readFileSync(path, 'utf8');
  return { text: content, context: fileSchema.parse(JSON.parse(content)).context };
}

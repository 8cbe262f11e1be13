import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { relative } from 'node:path';
import { buildSync } from 'esbuild';
import { z } from 'zod';
import type { Catalogue } from '../core/catalogue.ts';
import { DistributaryError, type Place } from '../core/errors.ts';
import { hintOf } from '../core/hint.ts';
import { projection } from '../core/projection.ts';
import type { AnyProjector } from '../core/projector.ts';
import { sampleStates } from '../core/sample-states.ts';
import type { ProjectedContract } from '../core/store-contract.ts';
import { type AggregateId, storedVersion, type TenantId } from '../core/version.ts';
import { FileDefects } from '../core/yaml.ts';
import { unbuildable } from './bundles.ts';
import { packageFile, projectorFiles } from './entry-points.ts';

/** Enough to meet every null and every value of an enumeration. */
const SAMPLES = 50;
const ANY_KEY = '00000000-0000-4000-8000-000000000001';

const shape = z.object({ store: z.string(), on: z.string(), project: z.custom<AnyProjector['project']>(isFunction) });

/**
 * Refuses a projector that cannot work before anything is deployed: it is loaded, and run on states that its aggregate's
 * contract allows. Throws `FileDefects` with the file, the line, the value and a hint.
 */
export function checkProjectors(contract: ProjectedContract, catalogue: Catalogue, root: string): void {
  const defects = projectorFiles(contract, root).flatMap(path => defectsOf(path, contract, catalogue, root));
  const [first, ...others] = defects;
  if (first) throw new FileDefects([first, ...others]);
}

function defectsOf(path: string, contract: ProjectedContract, catalogue: Catalogue, root: string): DistributaryError[] {
  const file = relative(root, path);
  const text = readFileSync(path, 'utf8');
  const refuse = (word: RegExp, message: string, hint?: string) => [
    new DistributaryError('projector-invalid', message, { place: placeOf(file, text, word), ...(hint && { hint }) }),
  ];
  const parsed = shape.safeParse(load(path, root));
  if (!parsed.success) {
    const what = parsed.error.issues.map(({ path: [key] }) => (key === undefined ? 'an object' : String(key)));
    const hint = 'export default defineProjector({ store, on, project })';
    return refuse(/export default/, `the default export lacks ${what.join(', ')}`, hint);
  }
  const { store, on, project } = parsed.data;
  if (store !== contract.store_name) {
    return refuse(/\bstore\s*:/, `unknown store "${store}"`, `the file is named for store "${contract.store_name}"`);
  }
  if (!contract.aggregates.includes(on)) {
    return refuse(/\bon\s*:/, `unknown aggregate "${on}"`, hintOf(on, contract.aggregates, `aggregates of ${store}`));
  }
  const error = failureOf({ store, on, project }, contract, catalogue);
  if (!error) return [];
  const { cause } = error;
  const said = cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
  const known = Object.keys(contract.fields).join(', ');
  return refuse(
    /\bproject\s*[:(,]/,
    `${said}, on a state that the contract of ${on} allows`,
    error.code === 'document-invalid'
      ? `fields of contracts/stores/${store}.yaml: ${known}`
      : `look at what may be null or empty in contracts/aggregates/${on}.yaml; testProjector shows the state`,
  );
}

/** What running it on samples ends with, if anything. */
function failureOf(
  projector: AnyProjector,
  contract: ProjectedContract,
  { aggregates }: Catalogue,
): DistributaryError | undefined {
  const aggregate = aggregates.find(one => one.aggregate === projector.on)!;
  const project = projection({ contract, aggregates: [aggregate], projectors: [projector] });
  const header = {
    id: 'sample',
    key: ANY_KEY as AggregateId,
    tenant: ANY_KEY as TenantId,
    version: storedVersion(0, 1),
  };
  try {
    for (const state of sampleStates(aggregate, SAMPLES)) {
      project({
        ...header,
        ...{ kind: 'state', aggregate: projector.on, change: 'updated', lane: 'standard', digest: 1, committedAt: 0 },
        schemaVersion: aggregate.current.number,
        state,
      });
    }
    return undefined;
  } catch (error) {
    if (error instanceof DistributaryError) return error;
    throw error;
  }
}

/** The module's default export. Built as it is for its function, so that what does not build is refused the same way. */
function load(path: string, root: string): unknown {
  try {
    const { outputFiles } = buildSync({
      entryPoints: [path],
      absWorkingDir: root,
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'cjs',
      alias: { distributary: packageFile('index.ts') },
      write: false,
      logLevel: 'silent',
    });
    const module = { exports: {} as { default?: unknown } };
    new Function('module', 'exports', 'require', outputFiles[0]!.text)(module, module.exports, createRequire(path));
    return module.exports.default;
  } catch (error) {
    throw unbuildable(error);
  }
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

/** Where it says so first; the first line when it does not. */
function placeOf(file: string, text: string, word: RegExp): Place {
  const at = text.search(word);
  if (at < 0) return { file, line: 1 };
  const before = text.slice(0, at).split('\n');
  return { file, line: before.length, column: before.at(-1)!.length + 1 };
}

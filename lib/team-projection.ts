import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Construct } from 'constructs';
import { buildSync } from 'esbuild';
import type { Catalogue } from '../core/catalogue.ts';
import { DistributaryError } from '../core/errors.ts';
import type { ProjectedContract } from '../core/store-contract.ts';
import { FileDefects, findDefects } from '../core/yaml.ts';
import { type Bundles, describe, OPTIONS, unbuildable } from './bundles.ts';
import { CanonicalAccess } from './canonical-access.ts';
import { type Configuration, configurationSchema } from './configuration-schema.ts';
import { ContractChecks } from './contract-checks.ts';
import { checkCopiedFields, operateBundle, PACKAGE, packageFile, teamEntryPoints } from './entry-points.ts';
import { Names } from './names.ts';
import { Operations } from './operations.ts';
import { presetOf } from './presets.ts';
import { checkProjectors } from './projector-check.ts';
import { SharedValues } from './shared-values.ts';
import type { Blueprint } from './stacks/pipeline-stack.ts';
import { ProjectionStack } from './stacks/projection-stack.ts';
import { ArchiveBucket } from './stores/archive-bucket.ts';
import { DocumentTable } from './stores/document-table.ts';
import { FactBucket } from './stores/fact-bucket.ts';
import { SearchIndex } from './stores/search-index.ts';
import { projectedNamed, readCatalogueOf } from './team-catalogue.ts';

export interface TeamProjectionProps {
  /** Holds `contracts/stores/` and `functions/projectors/`. @default where the CDK CLI runs the app: beside cdk.json */
  readonly root?: string;
}

/**
 * A projection in a repository of its own: store, queues, functions, alarms, and an operations function that rebuilds,
 * compares and redrives this store and no other. Topic, payloads, control table, canonical store and search domain are
 * read from the pipeline's SSM parameters when the stack is deployed, so neither has to know of the other. The context's
 * `prefix` must be the pipeline's, and so must `searchUrl`, `databaseName` and `databaseRoleSecrets` where it has them.
 *
 * Throws for a contract, a projector or a configuration that cannot work, with file, line, value and hint. What else the
 * contracts ask of the app, such as that nothing in it keeps data without one, is in CDK's own report: `ContractChecks`.
 */
export class TeamProjection extends ProjectionStack {
  constructor(scope: Construct, store: string, { root = process.cwd() }: TeamProjectionProps = {}) {
    const { blueprint, contract } = readably(() => planOf(scope, store, root));
    super(scope, blueprint, contract);
    ContractChecks.addTo(this, blueprint.catalogue);
    this.#operate(contract);
    blueprint.bundles.dispose();
  }

  #operate(contract: ProjectedContract): void {
    const { bundles, configuration, names, preset, shared } = this.blueprint;
    const { store } = this;
    const isBucket = store instanceof FactBucket || store instanceof ArchiveBucket;
    new Operations(this, 'Operations', {
      contracts: [contract],
      only: contract.store_name,
      source: new CanonicalAccess(this, 'Source', { shared, configuration }),
      databaseUrl: configuration.target === 'local' ? configuration.databaseUrl : undefined,
      searches: store instanceof SearchIndex ? [store] : [],
      keys: store instanceof DocumentTable && store.keys ? [store.keys] : [],
      buckets: isBucket ? { [contract.store_name]: store.bucket.bucketName } : {},
      controlTableName: shared.read(this, 'controlTableName'),
      topicArn: shared.read(this, 'topicArn'),
      payloadBucketName: shared.read(this, 'payloadBucketName'),
      bundle: bundles.of(operateBundle(contract.store_name)),
      names,
      preset,
    });
  }
}

function planOf(scope: Construct, store: string, root: string): { blueprint: Blueprint; contract: ProjectedContract } {
  const catalogue = readCatalogueOf(root);
  const contract = projectedNamed(catalogue, store);
  const configuration = configurationOf(scope);
  const { prefix } = configuration;
  const names = new Names(prefix, store);
  names.check(catalogue.projected.map(({ store_name }) => store_name));
  checkCopiedFields({ ...catalogue, projected: [contract] }, root);
  checkProjectors(contract, catalogue, root);
  const bundles = bundleStore(contract, catalogue, root);
  const shared = new SharedValues(prefix);
  return { contract, blueprint: { catalogue, bundles, names, configuration, preset: presetOf(configuration), shared } };
}

/** Those keys of the context that the pipeline has too; a team's own are its own. */
function configurationOf(scope: Construct): Configuration {
  const given = Object.keys(configurationSchema.shape).flatMap(key => {
    const value: unknown = scope.node.tryGetContext(key);
    return value === undefined ? [] : [[key, value]];
  });
  const { defects, value } = findDefects(configurationSchema, Object.fromEntries(given));
  const [first, ...others] = defects.map(
    ({ message, hint }) => new DistributaryError('configuration-invalid', message, hint === undefined ? {} : { hint }),
  );
  if (first) throw new FileDefects([first, ...others]);
  return value;
}

/** As `bundleFunctions`, for the functions of one store, and within a constructor, which cannot wait. */
function bundleStore(contract: ProjectedContract, catalogue: Catalogue, root: string): Bundles {
  const folder = mkdtempSync(join(tmpdir(), 'distributary-bundles-'));
  const dispose = () => rmSync(folder, { recursive: true, force: true });
  try {
    const entries = [...teamEntryPoints(contract, catalogue, root)];
    const all = entries.map(([name, contents]) => {
      const { metafile } = buildSync({
        ...OPTIONS,
        stdin: { contents, loader: 'ts', resolveDir: PACKAGE, sourcefile: name },
        outfile: join(folder, name, 'index.mjs'),
        absWorkingDir: root,
        alias: { ...OPTIONS.alias, distributary: packageFile('index.ts') },
      });
      return describe(name, join(folder, name), metafile);
    });
    return { all, of: name => all.find(found => found.name === name)!, dispose };
  } catch (error) {
    dispose();
    throw unbuildable(error);
  }
}

/** Node prints the stack of what nobody catches: here that is what was refused, and no more. */
function readably<T>(plan: () => T): T {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof DistributaryError)) throw error;
    const refusal = new Error(error.describe());
    refusal.stack = refusal.message;
    throw refusal;
  }
}

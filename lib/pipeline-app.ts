import { App, AspectPriority, Aspects } from 'aws-cdk-lib';
import { FileDefects } from '../core/yaml.ts';
import { bundleFunctions } from './bundles.ts';
import { readConfiguration } from './configuration.ts';
import { readCatalogue } from './contract-files.ts';
import { DataRoles } from './data-role.ts';
import { Names } from './names.ts';
import { PRESETS } from './presets.ts';
import { SharedValues } from './shared-values.ts';
import { CanonicalStack } from './stacks/canonical-stack.ts';
import { OperationsStack } from './stacks/operations-stack.ts';
import type { Blueprint } from './stacks/pipeline-stack.ts';
import { ProjectionStack } from './stacks/projection-stack.ts';
import { RelayStack } from './stacks/relay-stack.ts';
import { needsSearchStack, SearchStack } from './stacks/search-stack.ts';

export interface SynthesisOptions {
  /** Holds `contracts/` and `functions/projectors/`. */
  readonly root: string;
  /** Where the templates go. @default as the CDK CLI says, else a temporary folder */
  readonly outdir?: string;
  /** Configuration, where it does not come through the CDK CLI. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Have CDK check each template against CloudFormation's rules, which takes longer than all the rest. @default true */
  readonly checkTemplates?: boolean;
}

const CONTEXT = {
  /** What breaks a rule of CloudFormation ends the synthesis. */
  '@aws-cdk/core:validateAgainstDefaultRules': true,
  /** Templates say which folder holds a function's code, which local mode reads, also when no CDK CLI asks for it. */
  'aws:cdk:enable-asset-metadata': true,
  'aws:cdk:enable-path-metadata': true,
};

/**
 * From contracts to templates: no account, no network. Throws a DistributaryError for a contract or a configuration that
 * cannot work, and for a resource that keeps data nobody has declared.
 */
export async function synthesise({ root, outdir, context, checkTemplates = true }: SynthesisOptions): Promise<App> {
  const catalogue = readCatalogue(root);
  const app = new App({
    analyticsReporting: false,
    builtinCloudFormationValidation: checkTemplates,
    context: { ...CONTEXT, ...context },
    ...(outdir !== undefined && { outdir }),
  });
  const configuration = readConfiguration(app, root);
  const bundles = await bundleFunctions(catalogue, root);
  try {
    const { prefix, size } = configuration;
    const names = new Names(prefix);
    names.check(catalogue.projected.map(({ store_name }) => store_name));
    const shared = new SharedValues(prefix);
    const blueprint = { catalogue, bundles, names, configuration, preset: PRESETS[size], shared };
    addStacks(app, blueprint);
    const roles = new DataRoles(catalogue);
    Aspects.of(app).add(roles, { priority: AspectPriority.READONLY });
    app.synth();
    const [first, ...others] = roles.defects;
    if (first) throw new FileDefects([first, ...others]);
    return app;
  } finally {
    bundles.dispose();
  }
}

/** The way of the data. Stacks tell each other by parameters, so the order is that of the first deployment only. */
function addStacks(app: App, blueprint: Blueprint): void {
  const operations = new OperationsStack(app, blueprint);
  const canonical = new CanonicalStack(app, blueprint);
  const relay = new RelayStack(app, blueprint);
  relay.addStackDependency(operations);
  relay.addStackDependency(canonical);
  const { projected } = blueprint.catalogue;
  const [first, ...others] = projected.filter(({ engine }) => engine === 'opensearch');
  const search =
    first && needsSearchStack(blueprint.configuration) && new SearchStack(app, blueprint, [first, ...others]);
  if (search) search.addStackDependency(canonical);
  for (const contract of projected) {
    const projection = new ProjectionStack(app, blueprint, contract);
    projection.addStackDependency(relay);
    if (search && contract.engine === 'opensearch') projection.addStackDependency(search);
  }
}

import { App, Validations } from 'aws-cdk-lib';
import { type Bundles, bundleFunctions } from './bundles.ts';
import { readConfiguration } from './configuration.ts';
import { ContractChecks } from './contract-checks.ts';
import { readCatalogue } from './contract-files.ts';
import { Names } from './names.ts';
import { presetOf } from './presets.ts';
import { checkProjectors } from './projector-check.ts';
import { SharedValues } from './shared-values.ts';
import { ApiStack, servesCases } from './stacks/api-stack.ts';
import { CanonicalStack } from './stacks/canonical-stack.ts';
import { GuardianStack } from './stacks/guardian-stack.ts';
import { OperateStack } from './stacks/operate-stack.ts';
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
  /** Check each template against CloudFormation's rules and cdk-nag's, which takes longer than all the rest. @default true */
  readonly checkTemplates?: boolean;
  /** Made already, for several syntheses of one root; whoever made them removes them. @default made, and removed again */
  readonly bundles?: Bundles;
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
 * cannot work. What a rule forbids, such as a resource that keeps data nobody has declared, is in CDK's own report.
 */
export async function synthesise(options: SynthesisOptions): Promise<App> {
  const { root, outdir, context, checkTemplates = true } = options;
  const catalogue = readCatalogue(root);
  const app = new App({
    analyticsReporting: false,
    builtinCloudFormationValidation: checkTemplates,
    context: { ...CONTEXT, ...context },
    ...(outdir !== undefined && { outdir }),
  });
  const configuration = readConfiguration(app, root);
  for (const contract of catalogue.projected) checkProjectors(contract, catalogue, root);
  const bundles = options.bundles ?? (await bundleFunctions(catalogue, root));
  try {
    const names = new Names(configuration.prefix);
    names.check(catalogue.projected.map(({ store_name }) => store_name));
    const shared = new SharedValues(configuration.prefix);
    const blueprint = { catalogue, bundles, names, configuration, preset: presetOf(configuration), shared };
    addStacks(app, blueprint);
    ContractChecks.addTo(app, catalogue);
    if (checkTemplates) {
      // All packs are loaded with it, which local mode's start would notice.
      const { nagPacks } = await import('./nag.ts');
      Validations.of(app).addPlugins(...nagPacks());
    }
    app.synth();
    return app;
  } finally {
    if (!options.bundles) bundles.dispose();
  }
}

/** The way of the data. Stacks tell each other by parameters, so the order is that of the first deployment only. */
function addStacks(app: App, blueprint: Blueprint): void {
  const operations = new OperationsStack(app, blueprint);
  const canonical = new CanonicalStack(app, blueprint);
  const relay = new RelayStack(app, blueprint);
  relay.addStackDependency(operations);
  relay.addStackDependency(canonical);
  const guardian = new GuardianStack(app, blueprint);
  guardian.addStackDependency(operations);
  guardian.addStackDependency(canonical);
  const { projected } = blueprint.catalogue;
  const [first, ...others] = projected.filter(({ engine }) => engine === 'opensearch');
  const search =
    first && needsSearchStack(blueprint.configuration) && new SearchStack(app, blueprint, [first, ...others]);
  if (search) {
    search.addStackDependency(canonical);
    search.addStackDependency(operations);
  }
  const operate = new OperateStack(app, blueprint);
  const api = servesCases(blueprint.catalogue) ? new ApiStack(app, blueprint) : undefined;
  // What it erases of a case has its content there.
  if (api) operate.addStackDependency(api);
  for (const contract of projected) {
    const projection = new ProjectionStack(app, blueprint, contract);
    projection.addStackDependency(relay);
    operate.addStackDependency(projection);
    api?.addStackDependency(projection);
    if (search && contract.engine === 'opensearch') projection.addStackDependency(search);
  }
}

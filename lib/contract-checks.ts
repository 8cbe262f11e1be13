import {
  type IPolicyValidationContext,
  type IPolicyValidationPlugin,
  type PolicyValidationPluginReport,
  type PolicyViolatingResource,
  type PolicyViolation,
  Validations,
} from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Catalogue } from '../core/catalogue.ts';
import type { Place } from '../core/errors.ts';
import { lintContracts } from '../core/governance/contract-lint.ts';
import { resourceOf, roleDefects } from './data-role.ts';

/**
 * What the contracts ask of an app, shown by `cdk synth` beside CDK's own rules. The pipeline and every `TeamProjection`
 * have it; an app without either may: `Validations.of(app).addPlugins(new ContractChecks(catalogue))`.
 */
export class ContractChecks implements IPolicyValidationPlugin {
  static readonly #ofApps = new WeakMap<IConstruct, ContractChecks>();

  readonly name = 'distributary';
  #catalogue: Catalogue;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  /** Has the app of this construct checked, once, against all the contracts that its parts bring. */
  static addTo({ node: { root } }: IConstruct, catalogue: Catalogue): void {
    const checks = ContractChecks.#ofApps.get(root);
    if (checks) {
      checks.#catalogue = joined(checks.#catalogue, catalogue);
      return;
    }
    const added = new ContractChecks(catalogue);
    ContractChecks.#ofApps.set(root, added);
    Validations.of(root).addPlugins(added);
  }

  validate({ appConstruct }: IPolicyValidationContext): PolicyValidationPluginReport {
    const violations = [undeclared, wrong, silent].flatMap(check => check(appConstruct, this.#catalogue));
    return { success: violations.every(({ severity }) => severity === 'warning'), violations };
  }
}

/** Two parts of an app that read the same files bring the same contracts. */
const joined = (one: Catalogue, other: Catalogue): Catalogue => ({
  ...one,
  stores: more(one.stores, other.stores, ({ store_name }) => store_name),
  projected: more(one.projected, other.projected, ({ store_name }) => store_name),
  sources: more(one.sources, other.sources, ({ file }) => file),
});

const more = <T>(known: readonly T[], others: readonly T[], nameOf: (one: T) => string): readonly T[] => [
  ...known,
  ...others.filter(other => !known.some(one => nameOf(one) === nameOf(other))),
];

/** Fatal, so that nobody acknowledges a database without a contract away. */
const undeclared = (app: IConstruct, catalogue: Catalogue): readonly PolicyViolation[] =>
  roleDefects(app, catalogue).map(({ constructPath, error }) => ({
    ruleName: error.code,
    description: error.message,
    fix: error.hint,
    severity: 'fatal',
    violatingResources: [{ constructPath, locations: ['Properties/Tags'] }],
  }));

/** What a contract says that cannot be right. */
const wrong = (app: IConstruct, catalogue: Catalogue): readonly PolicyViolation[] =>
  lintContracts(catalogue)
    .filter(({ result }) => result === 'fail')
    .map(({ rule, subject, place, message, hint }) => ({
      ruleName: `contract-${rule}`,
      description: `${lineOf(place)}: ${message}`,
      ...(hint !== undefined && { fix: hint }),
      severity: 'error',
      violatingResources: [shownAt(app, subject)],
    }));

/** What nobody has written down yet stops no deployment: one warning to a contract. */
function silent(app: IConstruct, catalogue: Catalogue): readonly PolicyViolation[] {
  const missing = lintContracts(catalogue).filter(({ result }) => result === 'missing');
  return Object.entries(Object.groupBy(missing, ({ subject }) => subject)).map(([subject, findings = []]) => ({
    ruleName: 'contract-incomplete',
    description: `${findings[0]!.place.file} leaves open: ${findings.map(({ rule }) => rule).join(', ')}`,
    fix: 'distributary contract lint says what to write where',
    severity: 'warning',
    violatingResources: [shownAt(app, subject)],
  }));
}

/** CDK shows nothing that is wrong nowhere: with the first thing of the store, or with the app. */
const shownAt = (app: IConstruct, store: string): PolicyViolatingResource => ({
  constructPath: (resourceOf(app, store) ?? app.node.children[0] ?? app).node.path,
  locations: [],
});

const lineOf = ({ file, line, column }: Place): string =>
  [file, line, column].filter(part => part !== undefined).join(':');

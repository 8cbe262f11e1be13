import type {
  IPolicyValidationContext,
  IPolicyValidationPlugin,
  PolicyValidationPluginReport,
  PolicyViolatingResource,
  PolicyViolation,
} from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Catalogue } from '../core/catalogue.ts';
import type { Place } from '../core/errors.ts';
import { lintContracts } from '../core/governance/contract-lint.ts';
import { resourceOf, roleDefects } from './data-role.ts';

/**
 * What the contracts ask of an app, shown by `cdk synth` beside CDK's own rules. For any app, not only for ours:
 * `Validations.of(app).addPlugins(new ContractChecks(catalogue))`.
 */
export class ContractChecks implements IPolicyValidationPlugin {
  readonly name = 'distributary';
  readonly #catalogue: Catalogue;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  validate({ appConstruct }: IPolicyValidationContext): PolicyValidationPluginReport {
    const violations = [undeclared, wrong, silent].flatMap(check => check(appConstruct, this.#catalogue));
    return { success: violations.every(({ severity }) => severity === 'warning'), violations };
  }
}

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

import type {
  IPolicyValidationContext,
  IPolicyValidationPlugin,
  PolicyValidationPluginReport,
  PolicyViolation,
} from 'aws-cdk-lib';
import { AwsSolutionsChecks, type NagPack, ServerlessChecks } from 'cdk-nag';
import { ACKNOWLEDGEMENTS, type Acknowledgement } from './acknowledgements.ts';

/** The packs of cdk-nag that every template of ours has to pass. */
export const nagPacks = (): readonly AcknowledgedPack[] =>
  [new AwsSolutionsChecks(), new ServerlessChecks()].map(pack => new AcknowledgedPack(pack));

/**
 * A pack of rules less what is acknowledged. cdk-nag's own acknowledgements name each finding in full, generated ids and
 * all, and lie scattered over the constructs; ours are one table that can be read and reviewed.
 */
export class AcknowledgedPack implements IPolicyValidationPlugin {
  readonly name: string;
  /** Acknowledgements that met a finding in the last run. */
  readonly used = new Set<Acknowledgement>();
  readonly #pack: NagPack;
  readonly #acknowledgements: readonly Acknowledgement[];

  constructor(pack: NagPack, acknowledgements: readonly Acknowledgement[] = ACKNOWLEDGEMENTS) {
    this.name = pack.name;
    this.#pack = pack;
    this.#acknowledgements = acknowledgements;
  }

  validate(context: IPolicyValidationContext): PolicyValidationPluginReport {
    const violations = this.#pack.validate(context).violations.flatMap(violation => this.#remaining(violation));
    return { success: violations.length === 0, violations };
  }

  #remaining(violation: PolicyViolation): readonly PolicyViolation[] {
    const violatingResources = violation.violatingResources.filter(({ constructPath = '' }) => {
      const found = this.#acknowledgements.filter(acknowledgement => meets(acknowledgement, violation, constructPath));
      for (const acknowledgement of found) this.used.add(acknowledgement);
      return found.length === 0;
    });
    return violatingResources.length === 0 ? [] : [{ ...violation, violatingResources }];
  }
}

/** A finding may follow the rule's name in brackets: `AwsSolutions-IAM5[Resource::*]`. */
function meets({ rule, finding, at }: Acknowledgement, { ruleName }: PolicyViolation, constructPath: string): boolean {
  const [, name, found] = /^([^[]+)(?:\[(.*)\])?$/.exec(ruleName) ?? [];
  return rule === name && at.test(constructPath) && (found === undefined || finding?.test(found) === true);
}

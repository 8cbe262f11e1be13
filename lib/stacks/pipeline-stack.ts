import { Stack } from 'aws-cdk-lib';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Catalogue } from '../../core/catalogue.ts';
import type { Bundles } from '../bundles.ts';
import type { Configuration } from '../configuration-schema.ts';
import { ControlTable } from '../control-table.ts';
import type { Names } from '../names.ts';
import type { Preset } from '../presets.ts';
import type { SharedValues } from '../shared-values.ts';

/** What every stack of a pipeline is built from. */
export interface Blueprint {
  readonly catalogue: Catalogue;
  readonly bundles: Bundles;
  readonly names: Names;
  readonly configuration: Configuration;
  /** Of the configured size. */
  readonly preset: Preset;
  readonly shared: SharedValues;
}

export interface PipelineStackProps extends Blueprint {
  /** Last part of the stack's name. */
  readonly part: string;
  readonly description: string;
}

/** A stack of the pipeline, and what the others have told it. */
export class PipelineStack extends Stack {
  readonly blueprint: Blueprint;

  constructor(scope: Construct, { part, description, ...blueprint }: PipelineStackProps) {
    super(scope, blueprint.names.stack(part), { description });
    this.blueprint = blueprint;
  }

  /** From the operations stack. */
  protected alarmTopic(): ITopic {
    return Topic.fromTopicArn(this, 'AlarmTopic', this.blueprint.shared.read(this, 'alarmTopicArn'));
  }

  /** From the operations stack. */
  protected control(): ControlTable {
    return new ControlTable(this.blueprint.shared.read(this, 'controlTableName'));
  }
}

import type { Construct } from 'constructs';
import { CanonicalAccess } from '../canonical-access.ts';
import { GUARDIAN } from '../entry-points.ts';
import { Guardian } from '../guardian.ts';
import { type Blueprint, PipelineStack } from './pipeline-stack.ts';

/** Outside of the pipeline that it watches, so that neither an update of the relay nor its end silences it. */
export class GuardianStack extends PipelineStack {
  constructor(scope: Construct, blueprint: Blueprint) {
    super(scope, { ...blueprint, part: 'guardian', description: 'Guardian of the replication slots' });
    const { catalogue, bundles, configuration, names, preset, shared } = blueprint;
    new Guardian(this, 'Guardian', {
      contract: catalogue.outbox,
      source: new CanonicalAccess(this, 'Source', { shared, configuration }),
      bundle: bundles.of(GUARDIAN),
      names,
      preset,
      alarmTopic: this.alarmTopic(),
    });
  }
}

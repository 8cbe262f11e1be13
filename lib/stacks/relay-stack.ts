import type { Construct } from 'constructs';
import { CanonicalAccess } from '../canonical-access.ts';
import { tagWithRole } from '../data-role.ts';
import { Relay } from '../relay.ts';
import { type Blueprint, PipelineStack } from './pipeline-stack.ts';

/** Heartbeats in the time after which a store's alarm rings: one may be lost, and one more be late. */
const HEARTBEATS_PER_PROMISE = 3;
const SLOWEST_HEARTBEAT_SECONDS = 5;

/** From the outbox to the topic. */
export class RelayStack extends PipelineStack {
  constructor(scope: Construct, blueprint: Blueprint) {
    super(scope, { ...blueprint, part: 'relay', description: 'Relay of the pipeline: outbox to topic' });
    const { catalogue, bundles, configuration, names, preset, shared } = blueprint;
    tagWithRole(this, catalogue.outbox);
    const promises = catalogue.projected.map(contract => contract.freshness_contract.maximum_before_alert);
    const relay = new Relay(this, 'Relay', {
      contract: catalogue.outbox,
      source: new CanonicalAccess(this, 'Source', { shared, configuration }),
      runsAs: configuration.relay,
      bundle: bundles.of('relay'),
      names,
      preset,
      heartbeatSeconds: Math.max(1, Math.min(SLOWEST_HEARTBEAT_SECONDS, ...promises.map(perPromise))),
      alarmTopic: this.alarmTopic(),
    });
    shared.publish(this, { topicArn: relay.topic.topicArn, payloadBucketName: relay.payloads.bucketName });
  }
}

const perPromise = (seconds: number): number => Math.floor(seconds / HEARTBEATS_PER_PROMISE);

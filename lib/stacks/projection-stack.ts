import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { ProjectedContract } from '../../core/store-contract.ts';
import type { ControlTable } from '../control-table.ts';
import { tagWithRole } from '../data-role.ts';
import { Projection } from '../projection.ts';
import { ArchiveBucket } from '../stores/archive-bucket.ts';
import { DocumentTable } from '../stores/document-table.ts';
import { FactBucket } from '../stores/fact-bucket.ts';
import { FactQueries } from '../stores/fact-queries.ts';
import type { ProjectedStore } from '../stores/projected-store.ts';
import { publishKeys } from '../stores/protection-keys.ts';
import { SearchIndex } from '../stores/search-index.ts';
import { type Blueprint, PipelineStack } from './pipeline-stack.ts';

/** One store and everything that keeps it fresh. */
export class ProjectionStack extends PipelineStack {
  readonly projection: Projection;
  readonly store: ProjectedStore;

  constructor(scope: Construct, blueprint: Blueprint, contract: ProjectedContract) {
    const description = `Projection ${contract.store_name} of the pipeline: ${contract.engine}`;
    super(scope, { ...blueprint, part: contract.store_name, description });
    const { bundles, configuration, names, preset, shared } = blueprint;
    tagWithRole(this, contract);
    const control = this.control();
    this.store = this.#store(contract, control);
    this.projection = new Projection(this, 'Projection', {
      contract,
      store: this.store,
      topic: Topic.fromTopicArn(this, 'Changes', shared.read(this, 'topicArn')),
      payloads: Bucket.fromBucketName(this, 'Payloads', shared.read(this, 'payloadBucketName')),
      control,
      alarmTopic: this.alarmTopic(),
      bundles,
      names,
      preset,
    });
    // Emulators have no engine behind it.
    if (this.store instanceof FactBucket && configuration.target === 'aws') {
      const { bucketName } = this.store.bucket;
      new FactQueries(this, 'Queries', { contract, bucketName, target: this.projection.target, names });
    }
  }

  #store(contract: ProjectedContract, control: ControlTable): ProjectedStore {
    const { configuration, names, preset, shared } = this.blueprint;
    switch (contract.engine) {
      case 'dynamodb': {
        const store = new DocumentTable(this, 'Store', { contract, names, control, keep: preset.keepDerivedStores });
        if (store.keys) publishKeys(this, shared, store.keys);
        return store;
      }
      case 's3': {
        const store = new FactBucket(this, 'Store', { contract, control });
        shared.publishBucket(this, contract.store_name, store.bucket.bucketName);
        return store;
      }
      case 's3-object-lock': {
        const store = new ArchiveBucket(this, 'Store', { contract, control });
        shared.publishBucket(this, contract.store_name, store.bucket.bucketName);
        return store;
      }
      case 'opensearch':
        return new SearchIndex(this, 'Store', { contract, domainName: names.searchDomain, shared, configuration });
    }
  }
}

import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';
import { DistributaryError } from '../../core/errors.ts';
import type { Store } from '../../core/store.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { type Control, controlTable } from '../../functions/control.ts';
import { archiveStore } from '../../functions/stores/archive.ts';
import { archiveObjects } from '../../functions/stores/archive-objects.ts';
import { dynamoStore } from '../../functions/stores/dynamodb.ts';
import { dynamoClient } from '../../functions/stores/dynamodb-client.ts';
import { protectionOf } from '../../functions/stores/field-protection.ts';
import { openSearchStore } from '../../functions/stores/opensearch.ts';
import { openSearchClient } from '../../functions/stores/opensearch-client.ts';
import { parquetStore } from '../../functions/stores/parquet.ts';
import { protectedStore } from '../../functions/stores/protected.ts';
import { s3Client } from '../../functions/stores/s3-client.ts';
import type { Endpoints } from '../endpoints.ts';

/** The stores of a local mode through their own clients, as their functions have them. */
export interface OpenStores {
  readonly control: Control;
  readonly dynamo: DynamoDBClient;
  readonly s3: S3Client;
  open(contract: ProjectedContract): Store;
  close(): void;
}

export function openStores(endpoints: Endpoints): OpenStores {
  const { region } = endpoints;
  // The SDK writes into what it is given.
  const credentials = { ...endpoints.credentials };
  const dynamo = dynamoClient({ endpoint: endpoints.dynamodb.endpoint, region, credentials });
  const s3 = s3Client({ endpoint: endpoints.s3, region, credentials, forcePathStyle: true });
  const search = openSearchClient(endpoints.opensearch.url);
  const control = controlTable({ client: dynamo, tableName: endpoints.controlTable });
  return {
    control,
    dynamo,
    s3,
    open(contract) {
      const place = endpoints.stores[contract.store_name];
      if (!place) throw new DistributaryError('contract-missing', `no store ${contract.store_name} runs here`);
      if (place.engine === 'opensearch') return openSearchStore({ client: search, contract });
      if (place.engine === 's3') return parquetStore({ s3, control, contract, bucket: place.bucket! });
      if (place.engine === 's3-object-lock') {
        return archiveStore({ objects: archiveObjects(s3, place.bucket!), control, contract });
      }
      const store = dynamoStore({ client: dynamo, contract, control, tableName: place.table! });
      const protection = protectionOf(contract, endpoints.protectionKeys);
      return protection ? protectedStore(store, protection) : store;
    },
    close() {
      dynamo.destroy();
      s3.destroy();
      void search.close();
    },
  };
}

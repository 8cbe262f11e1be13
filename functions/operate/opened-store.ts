import { DistributaryError } from '../../core/errors.ts';
import type { GivenKeys } from '../../core/protection.ts';
import type { Store } from '../../core/store.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import type { Control } from '../control.ts';
import { archiveStore } from '../stores/archive.ts';
import { archiveObjects } from '../stores/archive-objects.ts';
import { dynamoStore } from '../stores/dynamodb.ts';
import { dynamoClient } from '../stores/dynamodb-client.ts';
import { protectionOf } from '../stores/field-protection.ts';
import { openSearchStore } from '../stores/opensearch.ts';
import { openSearchClient } from '../stores/opensearch-client.ts';
import { parquetStore } from '../stores/parquet.ts';
import { protectedStore } from '../stores/protected.ts';
import { s3Client } from '../stores/s3-client.ts';

/** A store of any engine; `place` is the table that the template declares, or the bucket. */
export function openStore(
  contract: ProjectedContract,
  control: Control,
  {
    OPENSEARCH_URL,
    PROTECTION_KEYS,
  }: { readonly OPENSEARCH_URL?: string | undefined; readonly PROTECTION_KEYS?: GivenKeys | undefined },
  place: string,
): Store {
  switch (contract.engine) {
    case 'dynamodb': {
      const store = dynamoStore({ client: dynamoClient(), contract, control, tableName: place });
      const protection = protectionOf(contract, PROTECTION_KEYS);
      return protection ? protectedStore(store, protection) : store;
    }
    case 's3':
      return parquetStore({ s3: s3Client(), control, contract, bucket: place });
    case 's3-object-lock':
      return archiveStore({ objects: archiveObjects(s3Client(), place), control, contract });
    case 'opensearch':
      if (OPENSEARCH_URL === undefined)
        throw new DistributaryError('environment-invalid', 'OPENSEARCH_URL: is not set');
      return openSearchStore({ client: openSearchClient(OPENSEARCH_URL), contract });
  }
}

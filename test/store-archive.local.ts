import { controlTable } from '../functions/control.ts';
import { archiveStore } from '../functions/stores/archive.ts';
import { archiveObjects } from '../functions/stores/archive-objects.ts';
import { suiteContract } from '../testing/store-samples.ts';
import { testStore } from '../testing/store-suite.ts';
import { BUCKET, CONTROL_TABLE, startParquetServers } from './parquet-servers.ts';

testStore(
  'S3 archive with object lock',
  async () => {
    const servers = await startParquetServers();
    const control = controlTable({ client: servers.client, tableName: CONTROL_TABLE });
    const contract = { ...suiteContract('suite', 's3-object-lock') };
    const { hold_field: _, ...archive } = contract.archive!;
    let targets = 0;
    return {
      store: archiveStore({ objects: archiveObjects(servers.s3, BUCKET), control, contract: { ...contract, archive } }),
      target: () => ({ store: 'suite', name: `suite.1.${++targets}` }),
      outage: servers.outage,
      close: servers.close,
    };
  },
  // An archive takes any document.
  { lacks: ['forgetDeletes', 'refusedDocument', 'gained'] },
);

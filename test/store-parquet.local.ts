import { controlTable } from '../functions/control.ts';
import { parquetStore } from '../functions/stores/parquet.ts';
import { gainedContract, suiteContract, suiteDocument } from '../testing/store-samples.ts';
import { testStore } from '../testing/store-suite.ts';
import { BUCKET, CONTROL_TABLE, startParquetServers } from './parquet-servers.ts';

testStore(
  'S3 Parquet store',
  async () => {
    const servers = await startParquetServers();
    const control = controlTable({ client: servers.client, tableName: CONTROL_TABLE });
    let targets = 0;
    const contract = suiteContract('suite', 's3');
    const open = (of: typeof contract) => parquetStore({ s3: servers.s3, control, contract: of, bucket: BUCKET });
    return {
      store: open(contract),
      gained: open(gainedContract(contract)),
      target: () => ({ store: 'suite', name: `suite.1.${++targets}` }),
      refusedDocument: { ...suiteDocument(1), received_on: '2026-02-30' },
      outage: servers.outage,
      close: servers.close,
    };
  },
  { lacks: ['forgetDeletes'] },
);

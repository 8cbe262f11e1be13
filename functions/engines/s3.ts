import { readEnvironment, s3Variables } from '../../core/environment.ts';
import { parquetStore } from '../stores/parquet.ts';
import { s3Client } from '../stores/s3-client.ts';
import { type Engine, firstGeneration } from './engine.ts';

export const s3: Engine = {
  open(contract, control) {
    const { BUCKET_NAME } = readEnvironment(s3Variables);
    return parquetStore({ s3: s3Client(), control, contract, bucket: BUCKET_NAME });
  },
  firstTarget: firstGeneration,
};

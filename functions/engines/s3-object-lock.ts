import { archiveVariables, readEnvironment } from '../../core/environment.ts';
import { archiveStore } from '../stores/archive.ts';
import { s3Client } from '../stores/s3-client.ts';
import { type Engine, firstGeneration } from './engine.ts';

export const objectLock: Engine = {
  open(contract, control) {
    const { ARCHIVE_BUCKET } = readEnvironment(archiveVariables);
    return archiveStore({ s3: s3Client(), control, contract, bucket: ARCHIVE_BUCKET });
  },
  firstTarget: firstGeneration,
};

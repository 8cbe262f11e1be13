import { archiveVariables, readEnvironment } from '../../core/environment.ts';
import { archiveStore } from '../stores/archive.ts';
import { archiveObjects } from '../stores/archive-objects.ts';
import { s3Client } from '../stores/s3-client.ts';
import { type Engine, firstGeneration } from './engine.ts';

export const objectLock: Engine = {
  open(contract, control) {
    const { ARCHIVE_BUCKET } = readEnvironment(archiveVariables);
    return archiveStore({ objects: archiveObjects(s3Client(), ARCHIVE_BUCKET), control, contract });
  },
  firstTarget: firstGeneration,
};

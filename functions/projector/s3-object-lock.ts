import type { Definition } from '../../core/projection.ts';
import { objectLock } from '../engines/s3-object-lock.ts';
import { projectorFunction } from './projector-function.ts';

/** The projector function of a store on this engine; nothing of the other engines is in its bundle. */
export const handlerFor = (definition: Definition) => projectorFunction(definition, objectLock);

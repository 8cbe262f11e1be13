import type { Definition } from '../../core/projection.ts';
import { s3 } from '../engines/s3.ts';
import { projectorFunction } from './projector-function.ts';

/** The projector function of a store on this engine; nothing of the other engines is in its bundle. */
export const handlerFor = (definition: Definition) => projectorFunction(definition, s3);

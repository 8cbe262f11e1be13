import type { Definition } from '../../core/projection.ts';
import { protectedDynamodb } from '../engines/protected-dynamodb.ts';
import { projectorFunction } from './projector-function.ts';

/** The projector function of a store on this engine with protected fields. */
export const handlerFor = (definition: Definition) => projectorFunction(definition, protectedDynamodb);

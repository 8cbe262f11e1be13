/** What a plug-in's author tests with, on Jest, Vitest with globals, or `node --test`. */
export { memoryStore } from '../functions/stores/memory.ts';
export type { ProjectorUnderTest } from './projector-bench.ts';
export { projectorOf } from './projector-subject.ts';
export { testProjector } from './projector-suite.ts';
export { suiteContract } from './store-samples.ts';
export { testStore } from './store-suite.ts';
export type { Capability, StoreUnderTest } from './store-under-test.ts';

import { join } from 'node:path';
import { projectorOf, testProjector } from 'distributary/testing';

testProjector('case-headlines', () => projectorOf(join(import.meta.dirname, '..'), 'case-headlines'));

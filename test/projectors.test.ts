import { readCatalogue } from '../lib/contract-files.ts';
import { PACKAGE } from '../lib/entry-points.ts';
import { projectorOf, testProjector } from '../testing/index.ts';

for (const { store_name } of readCatalogue(PACKAGE).projected) {
  testProjector(store_name, () => projectorOf(PACKAGE, store_name));
}

import { memoryStore } from '../functions/stores/memory.ts';
import { testStore } from '../testing/store-suite.ts';

testStore(
  'in-memory reference store',
  async () => {
    let targets = 0;
    const store = memoryStore();
    return {
      store,
      gained: store,
      target: () => ({ store: 'suite', name: `suite-1-${++targets}` }),
      close: async () => {},
    };
  },
  { lacks: ['forgetDeletes', 'refusedDocument', 'outage'] },
);

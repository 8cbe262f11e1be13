import { generate, isStale } from '../bin/generate.ts';

test('what is generated is committed as it is', async () => {
  const files = await generate();
  expect(files.map(({ path }) => path)).toEqual(['contracts/states.ts', 'canonical/capture.sql', 'docs/errors.md']);
  const stale = files.filter(isStale).map(({ path }) => `${path} is stale: npm run generate`);
  expect(stale).toEqual([]);
});

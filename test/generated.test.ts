import { generate, isStale, strayPages } from '../bin/generate.ts';

test('what is generated is committed as it is, and nothing else lies beside it', async () => {
  const files = await generate();
  const paths = files.map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(['contracts/states.ts', 'canonical/capture.sql', 'docs/errors.md']));
  expect(paths).toEqual(expect.arrayContaining(['docs/generated/matrix.md', 'docs/generated/runbooks/case-search.md']));
  expect(files.filter(isStale).map(({ path }) => `${path} is stale: npm run generate`)).toEqual([]);
  expect(strayPages(files)).toEqual([]);
});

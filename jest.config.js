/**
 * The suffix of a test says what it needs (ARCHITECTURE.md, "Tests"). All of them run one after the other:
 * the `.local` ones start real servers, and two cores do not hold two sets of those. The `.aws` ones need a deployment, which
 * `npm run test:aws` makes.
 */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.{test,sim,synth,local}.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  globalSetup: '<rootDir>/test/temporary-folder.ts',
  transform: { '\\.ts$': '<rootDir>/test/strip-types.cjs' },
  modulePathIgnorePatterns: ['<rootDir>/cdk.out', '<rootDir>/dist', '<rootDir>/.distributary'],
  testTimeout: 30_000,
  maxWorkers: 1,
};

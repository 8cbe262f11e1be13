type Body = () => unknown;

/** What the suites need of a test runner. */
export interface Runner {
  describe(title: string, body: () => void): void;
  test(name: string, body: Body, timeoutMs: number): void;
  skip(name: string, body: Body): void;
  beforeAll(body: Body, timeoutMs: number): void;
  afterAll(body: Body, timeoutMs: number): void;
}

/** As Jest, and Vitest with `globals: true`, put them there. */
interface RunnerGlobals {
  describe(title: string, body: () => void): void;
  test: { (name: string, body: Body, timeoutMs: number): void; skip(name: string, body: Body): void };
  beforeAll(body: Body, timeoutMs: number): void;
  afterAll(body: Body, timeoutMs: number): void;
}

/** The runner that loaded the test file; `node --test` where none has left its globals. */
export const runner: Runner = 'beforeAll' in globalThis ? ofGlobals() : await ofNode();

function ofGlobals(): Runner {
  const { describe, test, beforeAll, afterAll } = globalThis as unknown as RunnerGlobals;
  return { describe, test, skip: (name, body) => test.skip(name, body), beforeAll, afterAll };
}

async function ofNode(): Promise<Runner> {
  const { describe, test, before, after } = await import('node:test');
  return {
    describe: (title, body) => void describe(title, body),
    test: (name, body, timeout) => void test(name, { timeout }, async () => void (await body())),
    skip: (name, body) => void test.skip(name, async () => void (await body())),
    beforeAll: (body, timeout) => before(async () => void (await body()), { timeout }),
    afterAll: (body, timeout) => after(async () => void (await body()), { timeout }),
  };
}

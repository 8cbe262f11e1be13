import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { Bundle } from '../bin/transfer/bundle.ts';
import { controlTargets } from '../functions/control-targets.ts';
import { audit } from '../functions/operate/audit/audit.ts';
import type { OperateContext } from '../functions/operate/context.ts';
import { answer } from '../functions/operate/operations.ts';
import { runs } from '../functions/operate/runs/runs.ts';
import { mapItems } from './map-items.ts';
import { type Typed, typedAlone } from './typed-commands.ts';

/** A deployment's operations function behind Lambda's protocol: its own answers, on a control table in memory. */
const FUNCTION = 'distributary-operate';
const STORE = 'case-search';

const folder = mkdtempSync(join(tmpdir(), 'operations-client-'));
const items = mapItems();
const now = Date.now;
const control = { ...items, ...controlTargets(items, now) };
const context = {
  control,
  runs: runs(items, now),
  audit: audit(items, now),
  store: (name: string) => ({ name, definition: { contract: { served_use_cases: [] } } }),
} as unknown as OperateContext;
let server: Server;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const [, name] = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(request.url!) ?? [];
    const refusal = { Busy: 503, [FUNCTION]: 200 }[name!] ?? 404;
    response.statusCode = refusal;
    if (refusal === 404) response.setHeader('x-amzn-errortype', 'ResourceNotFoundException');
    const body = refusal === 200 ? await answer(await json(request), context) : { message: `no ${name}`, Type: 'User' };
    response.end(JSON.stringify(body));
  });
  await new Promise<void>(listening => void server.listen(0, '127.0.0.1', listening));
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** Nothing of the machine's own accounts is looked at. */
const NOWHERE = {
  ...{ AWS_CONFIG_FILE: join(folder, 'none'), AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none') },
  ...{ AWS_EC2_METADATA_DISABLED: 'true', AWS_REGION: undefined, AWS_PROFILE: undefined },
  ...{ AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined, AWS_SESSION_TOKEN: undefined },
  ...{ AWS_DEFAULT_REGION: undefined, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: undefined },
};
const REGION = { AWS_REGION: 'eu-west-1' };
const SOMEBODY = { ...REGION, AWS_ACCESS_KEY_ID: 'somebody', AWS_SECRET_ACCESS_KEY: 'of an account' };

async function withEnvironment<Result>(variables: Record<string, string>, work: () => Promise<Result>) {
  const { port } = server.address() as AddressInfo;
  const wanted = { ...NOWHERE, ...variables, AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${port}` };
  const before = Object.keys(wanted).map(name => [name, process.env[name]] as const);
  const set = ([name, value]: readonly [string, string | undefined]) => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  Object.entries(wanted).forEach(set);
  try {
    return await work();
  } finally {
    before.forEach(set);
  }
}

const typed = (line: string, name = FUNCTION, variables: Record<string, string> = SOMEBODY): Promise<Typed> =>
  withEnvironment(variables, () => typedAlone([...line.split(' '), '--function', name, '--actor', 'Olive']));

test.each<[string, Record<string, string>, string, RegExp]>([
  ['no region', {}, FUNCTION, /Region is missing/],
  ['no credentials', REGION, FUNCTION, /credentials/],
  ['a name that nothing has', SOMEBODY, 'distributary-oparate', /no distributary-oparate/],
])('with %s it is said what to check, and not called a defect', async (_, variables, name, what) => {
  const { code, err } = await typed('doctor', name, variables);
  const [said, hint] = err.split('\n');
  expect(said).toMatch(what);
  expect(said).toMatch(new RegExp(`^the operations function ${name} cannot be asked: .*\\(operations-unreachable\\)$`));
  expect(hint).toMatch(
    /hint: check AWS_REGION, the credentials \(lambda:InvokeFunction\) and the name: PREFIX-operate/,
  );
  expect(code).toBe(2);
});

test('one that is busy for longer than it is asked again can be asked once more', async () => {
  const { code, err } = await typed('doctor', 'Busy');
  expect(err).toMatch(
    /^the operations function Busy cannot be asked: .*\(child-died\)\n {2}hint: repeat it in a moment/,
  );
  expect(code).toBe(2);
});

test('what moves readers shows its plan and asks; where nobody can be asked nothing is done, but with --yes', async () => {
  await control.startBuilding({ store: STORE, name: 'blue' });
  await control.cutOver({ store: STORE, name: 'blue' });
  await control.startBuilding({ store: STORE, name: 'green' });
  const refused = await typed(`canary ${STORE} --share 5`);
  expect(refused).toMatchObject({ code: 2, out: '', err: expect.stringContaining('There is nobody to ask') });
  expect(refused.err).toMatch(/^now: every reader of case-search reads blue\nthen: 5% of the readers .* green/);
  expect((await typed(`canary ${STORE}`)).out).toMatch(/^every reader of case-search reads blue\n/);
  expect(await typed(`canary ${STORE} --share 5 --yes`)).toMatchObject({ code: 0, out: expect.stringMatching(/^5%/) });
  expect(await typed(`canary ${STORE} --off`)).toMatchObject({ code: 2 });
  expect((await typed(`canary ${STORE}`)).out).toMatch(/^5%/);
  expect(await typed(`canary ${STORE} --off --yes`)).toMatchObject({ code: 0, out: expect.stringMatching(/^every/) });
});

test('so does accepting what a rebuild differs by, and forgetting a tenant that was imported', async () => {
  const asked = { store: STORE, operation: 'rebuild', step: 'compare', unit: 'rows', actor: 'Olive', reason: 'a test' };
  const { id } = await context.runs.start({ ...asked, request: {} });
  const error = { code: 'rebuild-unproven', message: '3 documents differ', hint: '' };
  await context.runs.change(STORE, id, run => ({ ...run, state: 'failed', error }));
  const accepted = await typed(`rebuild ${STORE} --resume --accept`);
  expect(accepted).toMatchObject({ code: 2, err: expect.stringContaining('There is nobody to ask') });
  expect(accepted.err).toMatch(/goes on at compare; .* although it differs\n {2}3 documents differ\n/);
  expect(await context.runs.read(STORE)).toMatchObject({ state: 'failed', request: {} });

  const [key, bundle] = [join(folder, 'key'), join(folder, 'bundle')];
  writeFileSync(key, randomBytes(32).toString('base64'), { mode: 0o600 });
  const of = { departure: randomUUID(), tenant: randomUUID() };
  const manifest = { ...of, name: 'Acme', epoch: 0, schema: '', tables: {} };
  Bundle.begin(bundle, of, key).note({ manifest, checkedAt: 'today' });
  const dropped = await typed(`tenant import ${bundle} --key ${key} --drop`);
  expect(dropped).toMatchObject({ code: 2, err: expect.stringMatching(/imported of Acme[\s\S]*nobody to ask/) });
  expect(Bundle.open(bundle).index.checkedAt).toBe('today');
});

test('the audit log says who had what done, of all stores or of one; what nobody agreed to is not in it', async () => {
  await typed('runs case-search');
  await typed('canary case-facts --off --yes --reason over');
  const { code, out } = await typed('audit');
  expect(code).toBe(0);
  expect(
    out
      .trimEnd()
      .split('\n')
      .map(line => line.split(/ {2,}/).slice(1)),
  ).toEqual([
    ['what', 'store', 'outcome', 'who', 'why'],
    ['canary.set', 'case-facts', 'done', 'Olive', 'over'],
    ['canary.set', STORE, 'done', 'Olive', 'asked at the command line'],
    ['canary.set', STORE, 'done', 'Olive', 'asked at the command line'],
  ]);
  const one = JSON.parse((await typed(`audit ${STORE} --limit 1 --json`)).out);
  expect(one).toMatchObject([{ store: STORE, actor: 'Olive', request: { percent: 0, useCases: [] } }]);
  expect((await typed('audit case-archive')).out).toBe('nothing was asked for of case-archive\n');
  expect(await typed('audit --limit 2000')).toMatchObject({ code: 2 });
});

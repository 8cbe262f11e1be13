import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { contractExports, type ExportedFile } from '../bin/contract-exports.ts';
import { DistributaryError } from '../core/errors.ts';
import { pythonWith } from './aws/python.ts';
import { shippedContracts } from './contract-sources.ts';

/** The standard's own package: its model and its JSON schema, as they were when 3.1.0 was current. */
const STANDARD = {
  name: 'open-data-contract-standard',
  python: { oldest: 10, newest: 14 },
  packages: ['open-data-contract-standard==3.1.2', 'jsonschema==4.25.1'],
  before: '2026-11-01',
};
/** Prints a line for each fault; a file that the model refuses ends it with an error. */
const CHECK = `
import json, sys, yaml, jsonschema
from open_data_contract_standard.model import OpenDataContractStandard
schema = json.loads(OpenDataContractStandard.json_schema())
validator = jsonschema.validators.validator_for(schema)(schema)
for file in sys.argv[1:]:
    for error in validator.iter_errors(yaml.safe_load(open(file))):
        print(file, list(error.absolute_path), error.message[:200])
    print(OpenDataContractStandard.from_file(file).name)
`;

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'distributary-odcs-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Undefined where the package index cannot be reached: then there is nothing to ask. */
const python = await pythonWith(STANDARD, () => {}).catch((error: unknown) => {
  if (error instanceof DistributaryError && error.code === 'tool-missing') return undefined;
  throw error;
});
const testWithStandard = python === undefined ? test.skip : test;

async function check(files: readonly ExportedFile[]): Promise<readonly string[]> {
  const paths = files.map(({ path, text }) => {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  });
  const { stdout } = await run(python!, ['-c', CHECK, ...paths]);
  return stdout.trim().split('\n');
}

const files = contractExports(shippedContracts(), 'odcs');

testWithStandard(
  "every exported contract passes the standard's own model and schema",
  async () => {
    const names = files.map(({ path }) => path.replace(/^odcs\/(.*)\.yaml$/, '$1'));
    expect(await check(files)).toEqual(names);
  },
  120_000,
);

testWithStandard(
  'which refuse a type that the standard does not know',
  async () => {
    const [{ path, text }] = files as [ExportedFile];
    const wrong = {
      path: `wrong-${path.replace('/', '-')}`,
      text: text.replace('logicalType: string', 'logicalType: keyword'),
    };
    expect((await check([wrong]))[0]).toMatch(/'keyword' is not one of/);
  },
  120_000,
);

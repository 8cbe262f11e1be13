import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { contractExports } from '../bin/contract-exports.ts';
import { shippedContracts } from './contract-sources.ts';
import { npmPackage } from './npm-package.ts';

/** AsyncAPI's own parser: it follows references and knows rules that no schema says. */
const parser = await npmPackage({ name: '@asyncapi/parser', version: '3.6.3', before: '2026-11-01' });
const testWithParser = parser === undefined ? test.skip : test;

/** Prints what it has to say of a file, and how many channels it found. */
const CHECK = `
import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';
const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[1], 'utf8'));
const said = diagnostics.map(({ message, path }) => path.join('/') + ': ' + message);
console.log(JSON.stringify({ said, channels: document?.channels().all().length }));
`;

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'distributary-asyncapi-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function check(text: string): Promise<{ readonly said: readonly string[]; readonly channels?: number }> {
  const file = join(folder, 'asyncapi.yaml');
  writeFileSync(file, text);
  const args = ['--input-type=module', '--eval', CHECK, file];
  const { stdout } = await run(process.execPath, args, { cwd: parser, env: { PATH: process.env.PATH } });
  return JSON.parse(stdout);
}

const contracts = shippedContracts();
const { text } = contractExports(contracts, 'asyncapi')[0]!;

testWithParser(
  'AsyncAPI’s own parser has nothing to say of the export',
  async () => {
    const { said, channels } = await check(text);
    expect(said).toEqual([]);
    expect(channels).toBeGreaterThan(2 * contracts.projected.length);
  },
  120_000,
);

testWithParser(
  'and names a reference that leads nowhere',
  async () => {
    const wrong = text.replace(/\$ref: ['"]?#\/channels\/changes['"]?/, "$ref: '#/channels/chances'");
    expect(wrong).not.toBe(text);
    expect((await check(wrong)).said.join('\n')).toMatch(/chances/);
  },
  120_000,
);

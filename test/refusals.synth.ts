import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DistributaryError } from '../core/errors.ts';
import { Names } from '../lib/names.ts';
import { ROOT } from './templates.ts';

/** Runs the app as the CDK CLI does, on this repository with one file changed. */
function runApp(file: string, change: (text: string) => string) {
  const root = mkdtempSync(join(tmpdir(), 'distributary-refusal-'));
  try {
    // What the projectors import is there too.
    for (const folder of ['contracts', 'functions/projectors', 'core']) {
      cpSync(join(ROOT, folder), join(root, folder), { recursive: true });
    }
    writeFileSync(join(root, file), change(readFileSync(join(root, file), 'utf8')));
    const env = { ...process.env, CDK_OUTDIR: join(root, 'cdk.out') };
    return spawnSync(process.execPath, [join(ROOT, 'bin/app.ts')], { cwd: root, env, encoding: 'utf8' });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test('a defect in a contract ends the synthesis with its place, the value and a hint, and no stack trace', () => {
  const file = 'contracts/stores/case-search.yaml';
  const { status, stderr } = runApp(file, text => text.replace('role: projection', 'role: projektion'));
  expect(status).toBe(1);
  expect(stderr).toBe(
    'contracts/stores/case-search.yaml:2:7: unknown role "projektion" (contract-invalid)\n' +
      '  hint: did you mean "projection"? allowed values: canonical, projection, cache, analytics, integration, archive\n',
  );
});

test('a projector that makes a field nobody has declared ends it at the line, with the fields that there are', () => {
  const file = 'functions/projectors/case-timeline.ts';
  const { status, stderr } = runApp(file, text => text.replace('entries: [', 'steps: ['));
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /functions\/projectors\/case-timeline\.ts:\d+:3: fields not in the contract: steps.*\(projector-invalid\)\n +hint: fields of .*case-timeline\.yaml: reference, title/,
  );
});

test('a field that nobody makes ends it at the line of the contract', () => {
  const add = (text: string) => text.replace('fields:\n', 'fields:\n  titel: { type: keyword }\n');
  const { status, stderr } = runApp('contracts/stores/case-facts.yaml', add);
  expect([status, stderr]).toEqual([
    1,
    expect.stringMatching(
      /^contracts\/stores\/case-facts\.yaml:\d+:3: no state of case has titel, and no projector makes it/,
    ),
  ]);
});

test('a projector that cannot be built ends it at the line', () => {
  const { status, stderr } = runApp('functions/projectors/case-timeline.ts', text => `${text}\nconst const = 1;\n`);
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /functions\/projectors\/case-timeline\.ts:\d+:7: Expected identifier .*\(function-unbuildable\)/,
  );
  expect(stderr).not.toMatch(/^ +at /m);
});

test('names that cannot be, or are taken, are refused before AWS refuses them', () => {
  const names = new Names('distributary');
  expect(() => names.function(`project-${'x'.repeat(60)}`)).toThrow(/has 81 characters, Lambda takes 64/);
  expect(() => names.check(['cases', 'cases-failed'])).toThrow('the name distributary-cases-failed is taken');
  expect(() => names.check(['control'])).toThrow(DistributaryError);
  expect(() => names.check(['cases', 'parties'])).not.toThrow();
});

import { runCommandLine } from '../bin/command-line.ts';
import { doctorCommand } from '../bin/commands/doctor.ts';
import type { Diagnosis } from '../core/doctor.ts';
import type { GivenKeys } from '../core/protection.ts';
import { readDefinitions } from '../lib/definitions.ts';
import { readPlaces } from './aws/places.ts';
import { givenKeys } from './aws/stores-of-deployment.ts';
import { capturedTerminal } from './captured-terminal.ts';

/** That what is protected lies sealed in its table, `holdsAll` looks at wherever it is asked; this is about the key. */

const { folder, endpoints } = readPlaces();
const TIMEOUT_MS = 60_000;

test(
  'the operations function of a deployment seals and opens with the key of KMS that the templates gave it',
  async () => {
    const { definitions } = await readDefinitions();
    const sealed = definitions.filter(({ contract }) => contract.protection);
    expect(sealed.map(({ contract }) => contract.store_name)).toEqual(['case-timeline']);
    const { terminal, out } = capturedTerminal();
    const line = { name: 'distributary', version: '0', summary: '', commands: [doctorCommand] };
    const { signal } = new AbortController();
    await runCommandLine(line, ['doctor', '--json', '--data-dir', folder], { terminal, signal, debug: false });
    const { passed } = JSON.parse(out()) as Diagnosis;
    // The one that the last deployment put first: another test may have rotated.
    const [{ name: key, ...place }] = (await givenKeys(endpoints))['case-timeline'] as [GivenKeys[string][number]];
    expect(place).toEqual({ kms: expect.stringMatching(/^arn:aws:kms:/) });
    expect(passed).toContainEqual({ subject: 'case-timeline', what: `keeps entries sealed under key ${key}` });
  },
  TIMEOUT_MS,
);

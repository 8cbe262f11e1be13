import { Option } from 'commander';
import { PERSON_ROLES, type PersonRole } from '../../core/policy.ts';
import { readEndpoints } from '../../local/endpoints.ts';
import { type Command, EXIT } from '../command.ts';
import { localToken } from '../running/local-token.ts';
import { dataDirOption } from './data-dir.ts';

interface TokenOptions {
  readonly dataDir: string;
  readonly role: PersonRole;
  readonly company?: string;
  readonly user?: string;
  readonly life: string;
}

export const tokenCommand: Command<TokenOptions> = {
  usage: 'token',
  summary: 'print an access token for the API of local mode',
  description: `Of a person in the role, who is admitted when there is none yet: one of the bureau, or with --role company-user one of a
company. On AWS the user pool gives the tokens.`,
  examples: [
    { line: 'distributary token', what: 'an investigator, for an hour' },
    { line: 'distributary token --role company-user --company "EQUIFAX, INC."', what: 'somebody of a company' },
    { line: 'distributary token --role supervisor --json', what: 'with the address of the API, for machines' },
  ],
  options: [
    dataDirOption(),
    new Option('--role <role>', 'what the person may do').choices([...PERSON_ROLES]).default('investigator'),
    new Option('--company <name>', 'of a company user (default: the first by name)'),
    new Option('--user <uuid>', 'a person that is there already').conflicts(['role', 'company']),
    new Option('--life <time>', 'how long it is good for').default('1h'),
  ],

  async run(_args, { dataDir, role, company, user, life }, { terminal, json }) {
    const endpoints = readEndpoints(dataDir);
    const { token, user: person } = await localToken(endpoints, dataDir, { role, company, user, life });
    terminal.print(json ? JSON.stringify({ token, user: person, api: endpoints.api }) : token);
    return EXIT.fine;
  },
};

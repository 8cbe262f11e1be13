import { DistributaryError } from '../../core/errors.ts';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations } from '../operate/asking.ts';
import { tenantIdOf } from '../transfer/options.ts';

export const tenantStayCommand: Command<AskingOptions> = {
  usage: 'stay <tenant>',
  summary: 'take an export back: the tenant can be changed again',
  description: 'As long as the tenant is not closed. What export wrote opens it nowhere, and may be deleted.',
  examples: [{ line: 'distributary tenant stay 11aa…', what: 'it stays here' }],
  options: askingOptions(),

  run: ([text = ''], options, { terminal, json }) =>
    withOperations(options, async operations => {
      const tenant = tenantIdOf(text);
      const { aborted } = await operations.ask('tenant.stay', { tenant });
      if (!aborted)
        throw new DistributaryError('run-refused', `tenant ${tenant} does not depart, or is closed already`);
      terminal.print(json ? JSON.stringify({ aborted }) : 'it stays, and can be changed again');
      return EXIT.fine;
    }),
};

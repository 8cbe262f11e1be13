import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations, yesOption } from '../operate/asking.ts';

export const cancelCommand: Command<AskingOptions & { readonly yes?: true }> = {
  usage: 'cancel <store>',
  summary: 'end what is under way for a store and take it back',
  description: `A rebuild leaves the target that readers see as it was, and removes the new one once no writer can be at it any
more, which takes as long as a projector may run.`,
  examples: [{ line: 'distributary cancel case-search', what: 'asks, then takes back' }],
  options: [yesOption(), ...askingOptions()],

  run: ([store = ''], options, session) =>
    withOperations(options, async operations => {
      const { confirm } = await import('../terminal/confirmation.ts');
      const { followRun } = await import('../operate/following.ts');
      const { terminal, json } = session;
      const under = await operations.ask('run.read', { store });
      const lines = under ? [`${under.operation} of ${store}, at ${under.step}, is taken back`] : [];
      if (!(await confirm(`Cancel it?`, lines, options.yes === true, session))) return EXIT.fine;
      const ended = await followRun(operations, await operations.ask('run.cancel', { store }), session);
      if (json) terminal.print(JSON.stringify(ended));
      else terminal.print(`${ended.operation} of ${store}: ${ended.state}`);
      return ended.state === 'cancelled' ? EXIT.fine : EXIT.found;
    }),
};

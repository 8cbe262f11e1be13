import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations, yesOption } from '../operate/asking.ts';

export const rollbackCommand: Command<AskingOptions & { readonly yes?: true }> = {
  usage: 'rollback <store>',
  summary: 'move readers back to the target before the last rebuild, at once',
  description: `It has been fed all the time, so nothing is lost either way; the same command again goes forward. Possible until the
rollback window of the rebuild ends.`,
  examples: [{ line: 'distributary rollback case-search', what: 'asks, then moves in one step' }],
  options: [yesOption(), ...askingOptions()],

  run: ([store = ''], options, session) =>
    withOperations(options, async operations => {
      const { confirm } = await import('../terminal/confirmation.ts');
      const plan = await operations.ask('rebuild.plan', { store });
      const lines = [
        `readers of ${store} move from ${plan.current} to ${plan.drops.join(', ') || 'nothing'}; both are up to date`,
      ];
      if (!(await confirm(`Move the readers of ${store}?`, lines, options.yes === true, session))) return EXIT.fine;
      const moved = await operations.ask('rebuild.rollback', { store });
      const { terminal, json } = session;
      if (json) terminal.print(JSON.stringify(moved));
      else
        terminal.print(
          `readers of ${store} see ${moved.to}; distributary rollback ${store} goes back to ${moved.from}`,
        );
      return EXIT.fine;
    }),
};

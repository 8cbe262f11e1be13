import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations, yesOption } from '../operate/asking.ts';
import { keyOption } from '../transfer/options.ts';

interface CloseOptions extends AskingOptions {
  readonly key: string;
  readonly yes?: true;
}

export const tenantCloseCommand: Command<CloseOptions> = {
  usage: 'close <folder>',
  summary: 'close an exported tenant where it comes from, for good',
  description: `The third step, once import has found nothing in the way. From its commit on nobody sees anything of the tenant here;
what it answers goes into the bundle, and opens the tenant where it was imported. Until that is done nobody sees it at all.`,
  examples: [{ line: 'distributary tenant close ./bundle --key ./bundle.key', what: 'asks, and closes' }],
  options: [keyOption(), yesOption(), ...askingOptions()],

  run: ([folder = ''], { key, yes, ...options }, session) =>
    withOperations(options, async operations => {
      const { confirm } = await import('../terminal/confirmation.ts');
      const { Bundle } = await import('../transfer/bundle.ts');
      const { mustBeDone } = await import('../transfer/steps.ts');
      const bundle = Bundle.open(folder, key);
      const { departure, checkedAt } = bundle.index;
      const hint = 'distributary tenant import, where it is to be: until nothing is in the way';
      mustBeDone(checkedAt, `${folder} has not been imported`, hint);
      const plan = [`nobody sees anything of ${bundle.manifest.name} here any more; there is no way back`];
      if (!(await confirm('Close it here?', plan, yes === true, session))) return EXIT.fine;
      const { receipt } = await operations.ask('tenant.close', { departure });
      await bundle.writeReceipt(receipt);
      const words = 'it is closed here; next: tenant open, where it was imported';
      session.terminal.print(session.json ? JSON.stringify({ departure }) : words);
      return EXIT.fine;
    }),
};

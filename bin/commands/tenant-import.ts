import { Option } from 'commander';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations, yesOption } from '../operate/asking.ts';
import { startProgress } from '../terminal/progress.ts';
import { keyOption } from '../transfer/options.ts';

interface ImportOptions extends AskingOptions {
  readonly key: string;
  readonly drop?: true;
  readonly yes?: true;
}

export const tenantImportCommand: Command<ImportOptions> = {
  usage: 'import <folder>',
  summary: 'bring an exported tenant to another deployment, where it is kept aside and checked',
  description: `The second step. Every part is verified and kept aside: no query, no store and no identifier of this deployment knows
of it yet. Then it is compared with what was exported, and with what is in use here; exits 1 when something is in the way.`,
  examples: [{ line: 'distributary tenant import ./bundle --key ./bundle.key', what: 'goes on where it was' }],
  options: [
    keyOption(),
    new Option('--drop', 'forget what was kept aside; asks before'),
    yesOption(),
    ...askingOptions(),
  ],

  run: ([folder = ''], { key, drop, yes, ...options }, session) =>
    withOperations(options, async operations => {
      const { Bundle } = await import('../transfer/bundle.ts');
      const { importFrom } = await import('../transfer/steps.ts');
      const { terminal, json, signal } = session;
      const bundle = Bundle.open(folder, key);
      const { departure } = bundle.index;
      if (drop) {
        const { confirm } = await import('../terminal/confirmation.ts');
        const plan = [`what was imported of ${bundle.manifest.name} and kept aside here is removed; the bundle stays`];
        if (!(await confirm('Forget it here?', plan, yes === true, session))) return EXIT.fine;
        const { forgotten } = await operations.ask('tenant.forget', { departure });
        bundle.note({ checkedAt: null });
        const words = forgotten ? 'it is forgotten' : 'nothing of it is kept aside';
        terminal.print(json ? JSON.stringify({ forgotten }) : words);
        return EXIT.fine;
      }
      const progress = startProgress(terminal, { title: `import ${bundle.manifest.name}`, total: 0 });
      const onProgress = (done: number, total: number) => progress.update(done, `${done} of ${total} rows`);
      const obstacles = await importFrom(bundle, operations, { signal, onProgress }).finally(() => progress.stop());
      if (json) terminal.print(JSON.stringify({ departure, obstacles }));
      else {
        for (const { what, value } of obstacles) terminal.print(`${what}: ${value}`);
        if (obstacles.length === 0)
          terminal.print('all of it is here and fits; next: tenant close, where it comes from');
      }
      return obstacles.length === 0 ? EXIT.fine : EXIT.found;
    }),
};

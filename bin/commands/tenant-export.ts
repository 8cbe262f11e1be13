import { Option } from 'commander';
import { DistributaryError } from '../../core/errors.ts';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations, yesOption } from '../operate/asking.ts';
import { startProgress } from '../terminal/progress.ts';
import { counted } from '../terminal/wording.ts';
import { keyOption, tenantIdOf } from '../transfer/options.ts';

interface ExportOptions extends AskingOptions {
  readonly to: string;
  readonly key: string;
  readonly abort?: true;
  readonly yes?: true;
}

export const tenantExportCommand: Command<ExportOptions> = {
  usage: 'export <tenant>',
  summary: 'freeze a tenant and write all that is its to a folder, for another deployment',
  description: `The first of five steps: export, import, close, open, remove. From now on nothing of the tenant can be changed here;
it is read as before. What is written is sealed; ended in the middle and asked again, it goes on. --abort takes it back, as
long as the tenant is not closed.`,
  examples: [
    { line: 'distributary tenant export 11aa… --to ./bundle --key ./bundle.key', what: 'asks, freezes, writes' },
    { line: 'distributary tenant export 11aa… --to ./bundle --key ./bundle.key --abort', what: 'it stays here' },
  ],
  options: [
    new Option('--to <folder>', 'where it is written').makeOptionMandatory(),
    keyOption(),
    new Option('--abort', 'take it back: the tenant can be changed again'),
    yesOption(),
    ...askingOptions(),
  ],

  run: ([text = ''], { to, key, abort, yes, ...options }, session) =>
    withOperations(options, async operations => {
      const { confirm } = await import('../terminal/confirmation.ts');
      const { Bundle } = await import('../transfer/bundle.ts');
      const { exportInto } = await import('../transfer/steps.ts');
      const { terminal, json, signal } = session;
      const tenant = tenantIdOf(text);
      if (abort) {
        const { aborted } = await operations.ask('tenant.stay', { tenant });
        if (!aborted)
          throw new DistributaryError('run-refused', `tenant ${tenant} does not depart, or is closed already`);
        terminal.print(json ? JSON.stringify({ aborted }) : 'it stays, and can be changed again');
        return EXIT.fine;
      }
      const plan = [`nothing of ${tenant} can be changed here any more, until it is open there or --abort`];
      if (!(await confirm('Freeze and export it?', plan, yes === true, session))) return EXIT.fine;
      const { departure } = await operations.ask('tenant.depart', { tenant });
      const bundle = Bundle.begin(to, { departure, tenant }, key);
      const progress = startProgress(terminal, { title: `export ${tenant}`, total: 0 });
      try {
        await exportInto(bundle, operations, { signal, onProgress: done => progress.update(done, `${done} rows`) });
      } finally {
        progress.stop();
      }
      const { tables } = bundle.manifest;
      const rows = Object.values(tables).reduce((sum, one) => sum + one.rows, 0);
      if (json) terminal.print(JSON.stringify({ departure, rows, tables }));
      else
        terminal.print(`${counted(rows, 'row')} in ${counted(bundle.index.parts.length, 'part')}; next: tenant import`);
      return EXIT.fine;
    }),
};

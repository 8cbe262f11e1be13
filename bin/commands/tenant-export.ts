import { Option } from 'commander';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations, yesOption } from '../operate/asking.ts';
import { startProgress } from '../terminal/progress.ts';
import { counted } from '../terminal/wording.ts';
import { keyOption, tenantIdOf } from '../transfer/options.ts';

interface ExportOptions extends AskingOptions {
  readonly to: string;
  readonly key: string;
  readonly yes?: true;
}

export const tenantExportCommand: Command<ExportOptions> = {
  usage: 'export <tenant>',
  summary: 'freeze a tenant and write all that is its to a folder, for another deployment',
  description: `The first of five steps: export, import, close, open, remove. From now on nothing of the tenant can be changed here;
it is read as before. What is written is sealed; ended in the middle and asked again, it goes on. Until the tenant is closed,
stay takes it back.`,
  examples: [
    { line: 'distributary tenant export 11aa… --to ./bundle --key ./bundle.key', what: 'asks, freezes, writes' },
  ],
  options: [
    new Option('--to <folder>', 'where it is written').makeOptionMandatory(),
    keyOption(),
    yesOption(),
    ...askingOptions(),
  ],

  run: ([text = ''], { to, key, yes, ...options }, session) =>
    withOperations(options, async operations => {
      const { confirm } = await import('../terminal/confirmation.ts');
      const { Bundle } = await import('../transfer/bundle.ts');
      const { exportInto } = await import('../transfer/steps.ts');
      const { terminal, json, signal } = session;
      const tenant = tenantIdOf(text);
      const plan = [`nothing of ${tenant} can be changed here any more, until it is open there, or tenant stay`];
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

import { type Command, EXIT, type ExitCode } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations } from '../operate/asking.ts';

export const archiveSealCommand: Command<AskingOptions> = {
  usage: 'seal <store>',
  summary: 'put what an archive took in into its manifest now, which happens every five minutes anyway',
  examples: [{ line: 'distributary archive seal case-archive', what: 'before a copy is taken' }],
  options: askingOptions(),
  run: ([store = ''], options, { terminal, json }) =>
    withOperations(options, async (operations): Promise<ExitCode> => {
      const { sealed } = await operations.ask('archive.seal', { store });
      if (json) terminal.print(JSON.stringify({ sealed }));
      for (const { target, segments, entries } of json ? [] : sealed) {
        terminal.print(`${target}: ${entries} objects in ${segments} segments`);
      }
      return EXIT.fine;
    }),
};

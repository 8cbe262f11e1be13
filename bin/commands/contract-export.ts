import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Option } from 'commander';
import { type Command, EXIT } from '../command.ts';
import { contractExports, EXPORT_FORMATS, type ExportFormat } from '../contract-exports.ts';
import { counted } from '../terminal/wording.ts';
import { catalogueAt, type RootOptions, rootOption } from './contract-root.ts';

interface ExportOptions extends RootOptions {
  readonly format: ExportFormat;
  readonly out?: string;
}

export const contractExportCommand: Command<ExportOptions> = {
  usage: 'export',
  summary: 'write the contracts as other tools read them',
  description: `odcs: Open Data Contract Standard 3.1.0, a file per store. asyncapi: AsyncAPI 3, topic, queues and messages in one
file. Without --out the text goes to standard output.`,
  examples: [
    { line: 'distributary contract export --format odcs --out build', what: 'build/odcs/<store>.yaml' },
    { line: 'distributary contract export --format asyncapi', what: 'on standard output' },
  ],
  options: [
    new Option('--format <format>', 'what to write').choices(EXPORT_FORMATS).makeOptionMandatory(),
    new Option('--out <folder>', 'folder to write into').argParser(path => resolve(path)),
    rootOption(),
  ],

  async run(_args, { format, out, ...options }, { terminal, json }) {
    const files = contractExports(catalogueAt(options), format);
    if (out !== undefined) {
      for (const { path, text } of files) {
        mkdirSync(dirname(join(out, path)), { recursive: true });
        writeFileSync(join(out, path), text);
      }
    }
    if (json) terminal.print(JSON.stringify({ format, files }));
    else if (out === undefined) terminal.print(files.map(({ text }) => text.trimEnd()).join('\n---\n'));
    else terminal.print(`${counted(files.length, 'file')} written to ${out}`);
    return EXIT.fine;
  },
};

import { readEndpoints } from '../../local/endpoints.ts';
import { type Command, EXIT } from '../command.ts';
import { dataDirOption } from './data-dir.ts';

export const drillErasureCommand: Command<{ readonly dataDir: string }> = {
  usage: 'erasure',
  summary: 'plant a marked case in every place, erase it, and look everywhere',
  description: `On a local mode that runs: a case with a marker in all that it has is committed, carried to every store, parked in
the bucket of large states and put into a failed queue; then it is erased, and every table, document, item, object, message
and log is read. Exits 0 only if the marker was in every kind of place before and is nowhere after.`,
  examples: [{ line: 'distributary drill erasure --json', what: 'the report, for a record' }],
  options: [dataDirOption()],

  async run(_args, { dataDir }, session) {
    const { drillErasure } = await import('../drills/erasure.ts');
    const { erasureLines } = await import('../operate/shown-erasure.ts');
    const drill = await drillErasure(readEndpoints(dataDir), session);
    const { terminal, json } = session;
    if (json) terminal.print(JSON.stringify(drill));
    else {
      for (const line of erasureLines(drill.erasure)) terminal.print(line);
      for (const place of drill.notPlanted) terminal.print(`  NOT PLANTED in ${place}`);
      for (const place of drill.left) terminal.print(`  FOUND in ${place}`);
      terminal.print(drill.passed ? `passed: ${drill.planted.length} places, no trace` : 'failed');
    }
    return drill.passed ? EXIT.fine : EXIT.found;
  },
};

import { type Diagnosis, gather } from '../../core/doctor.ts';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations } from '../operate/asking.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { counted } from '../terminal/wording.ts';

export const doctorCommand: Command<AskingOptions> = {
  usage: 'doctor',
  summary: 'look at every precondition and live risk, and say what to do about each',
  description: `The canonical store's version, settings, slots, publication, capture triggers and permissions; of every store
whether it is as its contract asks, who reads what, how fresh it is, what failed, and how its queues are set. Changes
nothing. Exits 1 when it found something.`,
  examples: [
    { line: 'distributary doctor', what: 'what is wrong, and the command to type' },
    { line: 'distributary doctor --json | jq .findings', what: 'for machines' },
  ],
  options: askingOptions(),

  run: (_args, options, { terminal, json }) =>
    withOperations(options, async operations => {
      const whole = await operations.ask('doctor.examine', {});
      const apart = operations.apart.map(store => operations.ask('doctor.examine', { store }));
      const diagnosis = gather([whole, ...(await Promise.all(apart))]);
      if (json) terminal.print(JSON.stringify(diagnosis));
      else for (const line of diagnosisLines(diagnosis, terminal)) terminal.print(line);
      return diagnosis.findings.length > 0 ? EXIT.found : EXIT.fine;
    }),
};

function* diagnosisLines({ findings, passed }: Diagnosis, { paint }: Terminal): Iterable<string> {
  for (const { subject, what } of passed) yield `${paint('good', 'fine')}    ${subject}: ${what}`;
  for (const { subject, severity, what, todo } of findings) {
    const mark = severity === 'broken' ? paint('bad', 'broken') : paint('warning', 'risk  ');
    yield `${mark}  ${subject}: ${what}`;
    yield `        ${todo}`;
  }
  yield findings.length === 0
    ? paint('good', `${counted(passed.length, 'thing')} looked at, all fine`)
    : `${counted(findings.length, 'finding')}, ${counted(passed.length, 'thing')} fine`;
}

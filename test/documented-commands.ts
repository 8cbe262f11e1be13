/** A command of a page, and what it says there. */
export interface DocumentedCommand {
  /** `distributary drift case-search` */
  readonly line: string;
  /** What has to happen before. */
  readonly scene: string | undefined;
  /** Of standard output; `…` stands for anything in a line, alone in one for any lines. */
  readonly lines: readonly string[];
  readonly code: number;
}

/** Fenced blocks of type `console`, each after a comment that names its scene, if any. */
export function documentedCommands(page: string): readonly DocumentedCommand[] {
  const blocks = page.matchAll(/(?:<!-- scene: ([\w-]+) -->\n)?```console\n([\s\S]*?)```/g);
  return [...blocks].flatMap(([, scene, text]) => commandsOf(text!, scene));
}

function commandsOf(text: string, scene: string | undefined): readonly DocumentedCommand[] {
  const commands: DocumentedCommand[] = [];
  for (const part of text.split(/^\$ /m).slice(1)) {
    const [line = '', ...lines] = part.trimEnd().split('\n');
    if (line === 'echo $?') commands.push({ ...commands.pop()!, code: Number(lines[0]) });
    else commands.push({ line, scene: commands.length === 0 ? scene : undefined, lines, code: 0 });
  }
  return commands;
}

/** What a run decides: each of it reads the same wherever it stands. */
const VARIABLE: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+Z)?/g, 'TIME'],
  [/\d{8}t\d{9}/g, 'STAMP'],
  [/[\d.,]+ (s|ms|min|h)(?![a-z])/g, 'DURATION'],
  [/[\d.,]+ and DURATION/g, 'DURATIONS'],
  [/[\d.,]+ ([kMGT]?B)\b/g, 'SIZE'],
  [/[\d.,]+\/s/g, 'RATE'],
];

/** Without what a run decides, and without the widths of columns. */
const settle = (line: string): string =>
  VARIABLE.reduce((text, [pattern, name]) => text.replaceAll(pattern, name), line)
    .replaceAll(/ +/g, ' ')
    .trim();

/** Where the output is not as documented: nothing, or the first line that is not found and what there is instead. */
export function differences(documented: readonly string[], output: string): readonly string[] {
  const wanted = documented.map(settle);
  const lines = output.trimEnd().split('\n').map(settle);
  if (patternOf(wanted).test(`${lines.join('\n')}\n`)) return [];
  const until = wanted.findIndex(
    (_, end) => !patternOf([...wanted.slice(0, end + 1), '…']).test(`${lines.join('\n')}\n`),
  );
  return [`not there: ${wanted[until] ?? 'the end'}`, output];
}

function patternOf(wanted: readonly string[]): RegExp {
  const parts = wanted.map(line => {
    if (line === '…') return '(?:.*\\n)*?';
    const literal = line.split('…').map(part => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return `${literal.join('.*')}\\n`;
  });
  return new RegExp(`^${parts.join('')}$`);
}

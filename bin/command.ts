import type { Option } from 'commander';
import type { Terminal } from './terminal/terminal.ts';

/** What a command leaves behind: nothing to say, something was found, or it could not do its work. */
export const EXIT = { fine: 0, found: 1, error: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What every command gets besides its own arguments. */
export interface Session {
  readonly terminal: Terminal;
  /** The result goes to standard output as JSON, and nothing else does. */
  readonly json: boolean;
  /** Aborted by the first Ctrl-C or SIGTERM: finish in order. The second one ends the process. */
  readonly signal: AbortSignal;
}

export interface Example {
  readonly line: string;
  readonly what: string;
}

/** One file under bin/commands: what it is called with, what it is for, what it does. `--json` is added to each. */
export interface Command<Options = object> {
  /** Name and arguments, e.g. `import <file>`. */
  readonly usage: string;
  readonly summary: string;
  /** Further paragraphs for its own help. */
  readonly description?: string;
  readonly examples: readonly Example[];
  /** Each option's values are checked by commander, so that `Options` may be trusted. */
  readonly options: readonly Option[];
  /** What it is a name for, e.g. `contract lint`; such a group runs nothing itself. */
  // biome-ignore lint/suspicious/noExplicitAny: each command knows its own options; commander has checked them
  readonly commands?: readonly Command<any>[];
  /** Throws a `DistributaryError` for what it cannot do. */
  run(args: readonly string[], options: Options, session: Session): Promise<ExitCode>;
}

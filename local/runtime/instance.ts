import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { FromInstance, InvocationError, PolledQueue, ToInstance } from './protocol.ts';
import type { RequestCounts } from './request-count.ts';

export interface InstanceOptions {
  /** The bundled bootstrap. */
  readonly bootstrap: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  onLine(line: string): void;
  onFinished(milliseconds: number, error: InvocationError | undefined): void;
  onRequests(counts: RequestCounts): void;
}

/** Why an instance has ended. */
export type Ending = 'left' | 'killed' | 'timed-out' | 'not-ready' | 'died';

/** A handler that answers nothing has no payload: what crosses between the processes is JSON. */
export type Outcome = { readonly payload?: unknown } | { readonly error: InvocationError };

/** A timer of ours may be late; the function's own clock decides what is still in time. */
const TIMEOUT_GRACE_MS = 100;
/** Of the memory, as the Lambda runtime for Node gives it to old and to young objects. */
const OLD_SHARE = 0.9;
const YOUNG_SHARE = 0.05;
/** Lambda gives a bundle 10 s to load; a busy machine may need longer. */
const READY_WITHIN_MS = 60_000;
/** A handler that does not let go when asked to. */
const LEAVE_WITHIN_MS = 2_000;

/**
 * One environment of a function: a child process with the bundle loaded, which does one thing at a time. Its process
 * group is its own, so that Ctrl-C reaches us only; it leaves by itself when we are gone.
 */
export class Instance {
  readonly #options: InstanceOptions;
  readonly #child: ChildProcess;
  readonly #ready = Promise.withResolvers<void>();
  readonly #handles = new Set<string>();
  #ending: Ending | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #invocation: PromiseWithResolvers<Outcome> | undefined;
  #isRunning = false;
  #memory = { rssBytes: 0, peakBytes: 0 };
  /** Resolves when the process is gone and its output read. */
  readonly ended: Promise<Ending>;

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.#child = fork(options.bootstrap, [], {
      detached: true,
      env: options.environment,
      execArgv: heapOptions(options.memoryMegabytes),
      serialization: 'json',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child.on('message', (message: FromInstance) => this.#hear(message));
    const output = [this.#child.stdout!, this.#child.stderr!].map(stream => this.#read(stream));
    const gone = new Promise<void>(resolve => this.#child.once('error', () => resolve()).once('exit', () => resolve()));
    const tooLate = setTimeout(() => void this.kill9('not-ready'), READY_WITHIN_MS).unref();
    this.#ready.promise.finally(() => clearTimeout(tooLate)).catch(() => {});
    this.ended = gone.then(async () => {
      await Promise.all(output);
      return this.#close();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }
  get isRunning(): boolean {
    return this.#isRunning;
  }
  get memory(): { readonly rssBytes: number; readonly peakBytes: number } {
    return this.#memory;
  }
  /** Messages that it has received and not settled. */
  get handles(): Iterable<string> {
    return this.#handles;
  }

  /** Resolves with what the handler answered or threw; a timeout, a crash and a kill are errors as on Lambda. */
  async invoke(event: unknown, requestId: string): Promise<Outcome> {
    this.#invocation = Promise.withResolvers();
    this.#isRunning = true;
    this.#ready.promise.then(() => this.#send({ kind: 'invoke', requestId, event })).catch(() => {});
    return this.#invocation.promise;
  }

  /** Works on the queue from now on. */
  poll(queue: PolledQueue): void {
    this.#ready.promise.then(() => this.#send({ kind: 'poll', queue })).catch(() => {});
  }

  /** Lets it finish what it has in hand, for a short while. */
  async leave(): Promise<void> {
    this.#ending ??= 'left';
    this.#send({ kind: 'leave' });
    const isGone = await Promise.race([this.ended.then(() => true), delay(LEAVE_WITHIN_MS, false, { ref: false })]);
    if (!isGone) await this.kill9('left');
  }

  async kill9(as: Ending = 'killed'): Promise<void> {
    this.#ending ??= as;
    this.#signal('SIGKILL');
    await this.ended;
  }

  #signal(signal: NodeJS.Signals): void {
    // Without a process there is no group: 0 would be our own.
    if (!this.pid || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      this.#child.kill(signal); // No group of its own where the system has none.
    }
  }

  #send(message: ToInstance): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #hear(message: FromInstance): void {
    if (message.kind === 'ready') this.#ready.resolve();
    else if (message.kind === 'not-ready') this.#refuse(message.error);
    else if (message.kind === 'received') for (const handle of message.handles) this.#handles.add(handle);
    else if (message.kind === 'settled') for (const handle of message.handles) this.#handles.delete(handle);
    else if (message.kind === 'memory') this.#memory = message;
    else if (message.kind === 'requests') this.#options.onRequests(message.counts);
    else if (message.kind === 'started') this.#start();
    else this.#finish(message.milliseconds, message.outcome);
  }

  #refuse(error: InvocationError): void {
    this.#ending ??= 'not-ready';
    this.#options.onFinished(0, error);
    this.#settle({ error });
  }

  #start(): void {
    this.#isRunning = true;
    const afterMs = this.#options.timeoutSeconds * 1000 + TIMEOUT_GRACE_MS;
    this.#deadline = setTimeout(() => void this.kill9('timed-out'), afterMs);
  }

  #finish(milliseconds: number, outcome: Outcome): void {
    clearTimeout(this.#deadline);
    this.#options.onFinished(milliseconds, 'error' in outcome ? outcome.error : undefined);
    this.#settle(outcome);
  }

  #settle(outcome: Outcome): void {
    this.#isRunning = false;
    this.#invocation?.resolve(outcome);
    this.#invocation = undefined;
  }

  #close(): Ending {
    clearTimeout(this.#deadline);
    const ending = this.#ending ?? 'died';
    const error = { errorType: 'Runtime.ExitError', errorMessage: this.#describe(ending), trace: [] };
    this.#ready.reject(new Error(error.errorMessage));
    if (this.#isRunning) this.#options.onFinished(0, error);
    this.#settle({ error });
    return ending;
  }

  #describe(ending: Ending): string {
    if (ending === 'timed-out') return `timed out after ${this.#options.timeoutSeconds} seconds`;
    const { exitCode, signalCode } = this.#child;
    return `the process ended: ${signalCode ?? `exit code ${exitCode}`}`;
  }

  async #read(stream: Readable): Promise<void> {
    for await (const line of createInterface({ input: stream })) this.#options.onLine(line);
  }
}

const heapOptions = (megabytes: number): string[] => [
  `--max-old-space-size=${Math.floor(megabytes * OLD_SHARE)}`,
  `--max-semi-space-size=${Math.floor(megabytes * YOUNG_SHARE)}`,
];

import { setTimeout as delay } from 'node:timers/promises';

/** A process that local mode started. */
export interface Server {
  readonly pid?: number;
  /** Resolves when it is gone, whoever ended it. */
  readonly exited: Promise<unknown>;
  stop(): Promise<void>;
  /** Ends it as a power cut would. Absent where there is no process of ours. */
  kill9?(): unknown;
}

/** What happened to a server that nobody asked to end. */
export type ServerEvent =
  | { readonly kind: 'died'; readonly name: string }
  | { readonly kind: 'restarted'; readonly name: string; readonly pid: number | undefined }
  | { readonly kind: 'restart-failed'; readonly name: string; readonly error: unknown };

const FIRST_RESTART_MS = 100;
const LONGEST_RESTART_MS = 5_000;

/**
 * Keeps a server running: one that dies is started again, on the same port and data, until it comes. Each server sees to
 * it itself that it ends when this process does, kill -9 included.
 */
export class KeptServer<Kept extends Server> {
  readonly name: string;
  readonly #start: () => Promise<Kept>;
  readonly #onEvent: (event: ServerEvent) => void;
  #server: Kept;
  #state: 'up' | 'down' | 'stopping' = 'up';
  #restarts = 0;

  private constructor(name: string, server: Kept, start: () => Promise<Kept>, onEvent: (event: ServerEvent) => void) {
    this.name = name;
    this.#start = start;
    this.#server = server;
    this.#onEvent = onEvent;
    this.#watch();
  }

  /** The first start is the caller's to handle: it fails with the server's own error. */
  static async start<Kept extends Server>(
    name: string,
    start: () => Promise<Kept>,
    onEvent: (event: ServerEvent) => void,
  ): Promise<KeptServer<Kept>> {
    return new KeptServer(name, await start(), start, onEvent);
  }

  get server(): Kept {
    return this.#server;
  }
  get isUp(): boolean {
    return this.#state === 'up';
  }
  get restarts(): number {
    return this.#restarts;
  }

  async stop(): Promise<void> {
    const wasUp = this.#state === 'up';
    this.#state = 'stopping';
    if (wasUp) await this.#server.stop();
  }

  #watch(): void {
    void this.#server.exited
      .catch(() => {})
      .then(() => {
        if (this.#state !== 'up') return;
        this.#state = 'down';
        this.#onEvent({ kind: 'died', name: this.name });
        return this.#restart();
      });
  }

  async #restart(): Promise<void> {
    for (let pauseMs = FIRST_RESTART_MS; this.#state === 'down'; pauseMs = Math.min(pauseMs * 2, LONGEST_RESTART_MS)) {
      await delay(pauseMs);
      if (this.#state !== 'down') return;
      try {
        this.#server = await this.#start();
      } catch (error) {
        this.#onEvent({ kind: 'restart-failed', name: this.name, error });
        continue;
      }
      // Asked to stop while it started.
      if ((this.#state as string) === 'stopping') return await this.#server.stop();
      this.#state = 'up';
      this.#restarts += 1;
      this.#onEvent({ kind: 'restarted', name: this.name, pid: this.#server.pid });
      return this.#watch();
    }
  }
}

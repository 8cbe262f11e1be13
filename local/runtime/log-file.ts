import { closeSync, existsSync, openSync, renameSync, statSync, writeSync } from 'node:fs';

/** One generation of a log; with the one before it, twice that on the disk. */
const MAX_BYTES = 8 * 2 ** 20;

/** A log that never fills the disk: at its limit it becomes `FILE.1`, and starts anew. */
export class LogFile {
  readonly path: string;
  /** Nothing once it is closed. */
  #file: number | undefined;
  #bytes: number;

  constructor(path: string) {
    this.path = path;
    this.#bytes = existsSync(path) ? statSync(path).size : 0;
    this.#file = openSync(path, 'a');
  }

  /** What a process says after its log was closed is lost: its number may be that of another file by then. */
  write(line: string): void {
    if (this.#file === undefined) return;
    const bytes = Buffer.from(`${line}\n`);
    if (this.#bytes + bytes.length > MAX_BYTES) this.#rotate();
    this.#bytes += bytes.length;
    writeSync(this.#file, bytes);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #rotate(): void {
    this.close();
    renameSync(this.path, `${this.path}.1`);
    this.#file = openSync(this.path, 'a');
    this.#bytes = 0;
  }
}

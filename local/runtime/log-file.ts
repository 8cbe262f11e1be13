import { closeSync, existsSync, openSync, renameSync, statSync, writeSync } from 'node:fs';

/** One generation of a log; with the one before it, twice that on the disk. */
const MAX_BYTES = 8 * 2 ** 20;

/** A log that never fills the disk: at its limit it becomes `FILE.1`, and starts anew. */
export class LogFile {
  readonly path: string;
  #file: number;
  #bytes: number;

  constructor(path: string) {
    this.path = path;
    this.#bytes = existsSync(path) ? statSync(path).size : 0;
    this.#file = openSync(path, 'a');
  }

  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    if (this.#bytes + bytes.length > MAX_BYTES) this.#rotate();
    this.#bytes += bytes.length;
    writeSync(this.#file, bytes);
  }

  close(): void {
    closeSync(this.#file);
  }

  #rotate(): void {
    closeSync(this.#file);
    renameSync(this.path, `${this.path}.1`);
    this.#file = openSync(this.path, 'a');
    this.#bytes = 0;
  }
}

import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { JsonObject } from '../../core/change.ts';
import { DistributaryError } from '../../core/errors.ts';
import type { ProtectionKey } from '../../core/protection.ts';
import {
  type Manifest,
  type MovingRow,
  manifestSchema,
  movingRowSchema,
} from '../../functions/operate/transfer/moving.ts';
import { protectionKeys } from '../../functions/stores/protection-keys.ts';

/** Raised when who reads an older bundle would misunderstand it. */
const FORMAT = 1;
const KEY = 'bundle';

const partSchema = z.strictObject({
  file: z.string(),
  table: z.string(),
  rows: z.int(),
  /** The key that the next part begins after; null at the table's end. */
  next: z.string().nullable(),
  /** Of the file as it lies there. */
  sha256: z.string(),
});
export type Part = z.infer<typeof partSchema>;

const indexSchema = z.strictObject({
  format: z.literal(FORMAT, 'is of another version of this command'),
  departure: z.uuid(),
  tenant: z.uuid(),
  parts: z.array(partSchema),
  /** Once every part is there. */
  manifest: manifestSchema.nullable(),
  /** When which step was done. */
  checkedAt: z.string().nullable(),
  openedAt: z.string().nullable(),
});
export type BundleIndex = z.infer<typeof indexSchema>;

const INDEX = 'bundle.json';
const RECEIPT = 'receipt.sealed';

/**
 * A tenant on its way to another deployment, in a folder: what has content lies sealed, each file with its hash; the index
 * says what there is, and which steps were done. It may be copied as it is. Every write is whole or not at all.
 */
export class Bundle {
  readonly folder: string;
  readonly #keys: ReturnType<typeof protectionKeys> | undefined;
  #index: BundleIndex;

  private constructor(folder: string, index: BundleIndex, key: string | undefined) {
    this.folder = folder;
    this.#index = index;
    this.#keys = key === undefined ? undefined : protectionKeys([keyOf(key)]);
  }

  /** Of a departure: the one that was begun there, or a new one. */
  static begin(folder: string, of: { departure: string; tenant: string }, key: string): Bundle {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!existsSync(join(folder, INDEX))) {
      const empty = { format: FORMAT, ...of, parts: [], manifest: null, checkedAt: null, openedAt: null } as const;
      const bundle = new Bundle(folder, { ...empty, parts: [] }, key);
      bundle.note({});
      return bundle;
    }
    const bundle = Bundle.open(folder, key);
    if (bundle.index.departure === of.departure) return bundle;
    const hint = 'name another folder: that one is of a departure that was taken back, or of another tenant';
    throw new DistributaryError('usage', `${folder} has departure ${bundle.index.departure}, not ${of.departure}`, {
      hint,
    });
  }

  /** Throws `usage` for a folder that is none. */
  static open(folder: string, key?: string): Bundle {
    const hint = 'distributary tenant export makes one';
    if (!existsSync(join(folder, INDEX))) throw new DistributaryError('usage', `${folder} has no ${INDEX}`, { hint });
    const found = indexSchema.safeParse(JSON.parse(readFileSync(join(folder, INDEX), 'utf8')));
    if (found.success) return new Bundle(folder, found.data, key);
    const what = found.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
    throw new DistributaryError('usage', `${join(folder, INDEX)}: ${what}`, { hint });
  }

  get index(): BundleIndex {
    return this.#index;
  }

  /** Throws `usage` for one that is not all there. */
  get manifest(): Manifest {
    if (this.#index.manifest) return this.#index.manifest;
    const hint = 'let distributary tenant export come to its end';
    throw new DistributaryError('usage', `${this.folder} has not all of the tenant`, { hint });
  }

  note(changed: Partial<Pick<BundleIndex, 'manifest' | 'checkedAt' | 'openedAt' | 'parts'>>): void {
    this.#index = { ...this.#index, ...changed };
    this.#write(INDEX, Buffer.from(`${JSON.stringify(this.#index, null, 2)}\n`));
  }

  async addPart(table: string, rows: readonly MovingRow[], next: string | null): Promise<void> {
    const number = this.#index.parts.length + 1;
    const file = `part-${String(number).padStart(5, '0')}.sealed`;
    const sealed = await this.#seal(file, JSON.stringify(rows));
    this.#write(file, sealed);
    const part = { file, table, rows: rows.length, next, sha256: sha256(sealed) };
    this.note({ parts: [...this.#index.parts, part] });
  }

  /** Throws `document-refused` for a file that was altered, or sealed under another key. */
  async readPart({ file, sha256: wanted }: Part): Promise<readonly MovingRow[]> {
    const sealed = readFileSync(join(this.folder, file));
    if (sha256(sealed) !== wanted) {
      const hint = 'copy it again from where it was exported';
      throw new DistributaryError('document-refused', `${file} is not what was written: its SHA-256 differs`, { hint });
    }
    return z.array(movingRowSchema).parse(JSON.parse(await this.#open(file, sealed)));
  }

  async writeReceipt(receipt: JsonObject): Promise<void> {
    this.#write(RECEIPT, await this.#seal(RECEIPT, JSON.stringify(receipt)));
  }

  /** Throws `usage` while it is not closed. */
  async readReceipt(): Promise<JsonObject> {
    const path = join(this.folder, RECEIPT);
    const hint = 'distributary tenant close, where it comes from';
    if (!existsSync(path)) throw new DistributaryError('usage', `${this.folder} has no ${RECEIPT}`, { hint });
    return JSON.parse(await this.#open(RECEIPT, readFileSync(path))) as JsonObject;
  }

  #seal(file: string, text: string): Promise<Uint8Array> {
    return this.#withKeys().seal(text, this.#about(file));
  }
  #open(file: string, sealed: Uint8Array): Promise<string> {
    return this.#withKeys().open(KEY, sealed, this.#about(file));
  }
  #withKeys() {
    if (this.#keys) return this.#keys;
    throw new DistributaryError('usage', 'the bundle is sealed', { hint: 'name its key with --key' });
  }
  /** None can take the place of another. */
  #about(file: string): Readonly<Record<string, string>> {
    return { departure: this.#index.departure, file };
  }

  #write(file: string, bytes: Uint8Array): void {
    const path = join(this.folder, file);
    const descriptor = openSync(`${path}.new`, 'w', 0o600);
    try {
      writeSync(descriptor, bytes);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(`${path}.new`, path);
  }
}

const keyOf = (key: string): ProtectionKey =>
  key.startsWith('arn:') || key.startsWith('alias/') ? { name: KEY, kms: key } : { name: KEY, file: key };

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

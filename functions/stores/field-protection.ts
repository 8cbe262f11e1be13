import type { Json, JsonObject } from '../../core/change.ts';
import { DistributaryError } from '../../core/errors.ts';
import type { GivenKeys } from '../../core/protection.ts';
import type { Stored, Write } from '../../core/store.ts';
import { type ProjectedContract, protectedFields } from '../../core/store-contract.ts';
import { type ProtectionKeys, protectionKeys } from './protection-keys.ts';

/** How the protected fields of a store are sealed and opened. */
export interface FieldProtection {
  readonly fields: readonly string[];
  /** Name of the key that seals. */
  readonly current: string;
  /** Seals a value and opens it again. Throws what stands in the way. */
  probe(): Promise<void>;
  seal<W extends Write>(write: W): Promise<W>;
  /** Throws `document-refused` for a value that is not where it was put, `environment-invalid` for an unknown key. */
  open(stored: Stored): Promise<Stored>;
  /** Whether all of it is under the current key. */
  isCurrent(document: JsonObject | null): boolean;
}

/** `sealed:<key>:<base64>` */
const SEALED = /^sealed:([a-z0-9-]+):([A-Za-z0-9+/=]+)$/;

const sealedParts = (value: Json | undefined): readonly string[] =>
  (typeof value === 'string' && SEALED.exec(value)) || [];

type Protected = Pick<ProjectedContract, 'store_name' | 'fields'>;

/**
 * A sealed value says inside whose it is, so that none can be put into another document; store and field it is bound to by
 * its encryption context.
 */
export function fieldProtection(contract: Protected, keys: ProtectionKeys): FieldProtection {
  const names = protectedFields(contract);
  const about = (field: string) => ({ store: contract.store_name, field });

  return {
    fields: names,
    current: keys.current,

    async probe() {
      const nobodys = about(names[0]!);
      await keys.open(keys.current, await keys.seal('', nobodys), nobodys);
    },

    async seal(write) {
      const { document, key } = write;
      if (document === null) return write;
      const changed: Record<string, Json> = { ...document };
      for (const name of names) {
        const value = document[name];
        if (value === undefined || value === null) continue;
        const bytes = await keys.seal(JSON.stringify({ key, value }), about(name));
        changed[name] = `sealed:${keys.current}:${Buffer.from(bytes).toString('base64')}`;
      }
      return { ...write, document: changed };
    },

    async open(stored) {
      if (stored.document === null) return stored;
      const changed: Record<string, Json> = { ...stored.document };
      for (const name of names) {
        const [, key, bytes] = sealedParts(stored.document[name]);
        if (key === undefined || bytes === undefined) continue;
        const text = await keys.open(key, Buffer.from(bytes, 'base64'), about(name));
        const inside = JSON.parse(text) as { key: string; value: Json };
        if (inside.key !== stored.key) {
          throw new DistributaryError(
            'document-refused',
            `field ${name} of ${stored.key} holds another document's value`,
          );
        }
        changed[name] = inside.value;
      }
      return { ...stored, document: changed };
    },

    // What was there before its field was protected is sealed with the rest.
    isCurrent: document =>
      document === null ||
      names.every(name => document[name] == null || sealedParts(document[name])[1] === keys.current),
  };
}

/** As the contract asks, with the keys that a function was given. Throws `environment-invalid` when it was given none. */
export function protectionOf(contract: Protected, given: GivenKeys | undefined): FieldProtection | undefined {
  if (protectedFields(contract).length === 0) return undefined;
  const keys = given?.[contract.store_name];
  if (keys) return fieldProtection(contract, protectionKeys(keys));
  throw new DistributaryError('environment-invalid', `PROTECTION_KEYS: none for store ${contract.store_name}`);
}

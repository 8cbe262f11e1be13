import { readFileSync } from 'node:fs';
import {
  AlgorithmSuiteIdentifier,
  buildClient,
  CommitmentPolicy,
  getLocalCryptographicMaterialsCache,
  KmsKeyringNode,
  NodeCachingMaterialsManager,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node';
import { DistributaryError } from '../../core/errors.ts';
import type { ProtectionKey } from '../../core/protection.ts';

/** What a data key may protect before the next is asked for: less than a KMS call for each value, and no key for long. */
const DATA_KEY = { maxAge: 300_000, maxMessagesEncrypted: 10_000 };
const DATA_KEYS_KEPT = 100;
const AES_KEY_BYTES = 32;
const NAMESPACE = 'distributary';

/** Bound to its key, and not signed: who may write may read too, so a signature would prove nothing. */
const SUITE = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY;

/** Texts under keys of which the newest writes and all read. */
export interface ProtectionKeys {
  readonly current: string;
  /** `about` is kept beside it in clear, and must be the same when it is opened. */
  seal(text: string, about: Readonly<Record<string, string>>): Promise<Uint8Array>;
  /** Throws `store-unavailable` when the key service does not answer, `document-refused` for what was tampered with. */
  open(key: string, sealed: Uint8Array, about: Readonly<Record<string, string>>): Promise<string>;
}

const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);

/** Envelopes of the AWS Encryption SDK: a data key for many values, itself under the key of KMS or of a file. */
export function protectionKeys(keys: readonly ProtectionKey[]): ProtectionKeys {
  const managers = new Map(keys.map(key => [key.name, managerOf(key)] as const));
  const current = keys[0]!.name;
  const managerNamed = (name: string) => {
    const manager = managers.get(name);
    if (manager) return manager;
    const hint = 'name it among PROTECTION_KEYS until distributary keys rotate says that nothing is under it';
    throw new DistributaryError('environment-invalid', `PROTECTION_KEYS: no key ${name}`, { hint });
  };
  return {
    current,
    async seal(text, about) {
      const { result } = await asked(() =>
        encrypt(managerNamed(current), text, { suiteId: SUITE, encryptionContext: { ...about } }),
      );
      return result;
    },
    async open(key, sealed, about) {
      const { plaintext, messageHeader } = await asked(() => decrypt(managerNamed(key), sealed));
      const differs = Object.entries(about).some(([name, value]) => messageHeader.encryptionContext[name] !== value);
      if (differs) throw new DistributaryError('document-refused', 'a protected value is not where it was put');
      return plaintext.toString('utf8');
    },
  };
}

function managerOf(key: ProtectionKey): NodeCachingMaterialsManager {
  const cache = getLocalCryptographicMaterialsCache(DATA_KEYS_KEPT);
  return new NodeCachingMaterialsManager({ backingMaterials: keyringOf(key), cache, ...DATA_KEY });
}

function keyringOf(key: ProtectionKey): KmsKeyringNode | RawAesKeyringNode {
  if ('kms' in key) return new KmsKeyringNode({ generatorKeyId: key.kms });
  const bytes = Buffer.from(readFileSync(key.file, 'utf8').trim(), 'base64');
  if (bytes.length !== AES_KEY_BYTES) {
    const hint = `put ${AES_KEY_BYTES} random bytes in base64 into it`;
    throw new DistributaryError('environment-invalid', `key ${key.name}: ${key.file} holds ${bytes.length} bytes`, {
      hint,
    });
  }
  return new RawAesKeyringNode({
    keyName: key.name,
    keyNamespace: NAMESPACE,
    // The keyring wants a buffer of its own, not a view of a shared one.
    unencryptedMasterKey: new Uint8Array(bytes),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  });
}

/** What is wrong with a value stays wrong; all else is the key service's, and passes. */
async function asked<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (cause) {
    if (cause instanceof DistributaryError) throw cause;
    const isService = cause instanceof Error && '$metadata' in cause;
    const what = cause instanceof Error ? cause.name : typeof cause;
    throw isService
      ? new DistributaryError('store-unavailable', `key service did not answer: ${what}`, { cause })
      : new DistributaryError('document-refused', `a protected value cannot be opened: ${what}`, { cause });
  }
}

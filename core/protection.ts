import * as z from 'zod';

/** Of a key of protected fields: it stands in every value that is sealed with it. */
export const KEY_NAME = /^[a-z0-9][a-z0-9-]{0,30}$/;
export const MAX_PROTECTION_KEYS = 10;

const name = z.string().regex(KEY_NAME);
const place = z.string().min(1);
const protectionKey = z.union([
  z.strictObject({ name, kms: place }),
  /** A file with 32 bytes in base64, where there is no KMS. */
  z.strictObject({ name, file: place }),
]);
export type ProtectionKey = z.infer<typeof protectionKey>;

export const givenKeysSchema = z.record(z.string(), z.array(protectionKey).min(1).max(MAX_PROTECTION_KEYS));
/** A store's name → the keys of its protected fields: the first seals what is written, all of them open what is read. */
export type GivenKeys = z.infer<typeof givenKeysSchema>;

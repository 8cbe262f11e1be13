import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { DeleteItemCommand, type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { EncryptJWT, errors, jwtDecrypt } from 'jose';
import * as z from 'zod';
import { API_STATE_KEYS } from '../../core/api-state-keys.ts';
import { conditionally } from '../control-items.ts';
import { onTable } from '../stores/dynamodb-client.ts';
import { CONSOLE_ROLES } from './permitted.ts';

const sessionSchema = z.object({
  name: z.string(),
  role: z.enum(CONSOLE_ROLES),
  subject: z.string(),
  /** The issuer's, for the API; times in milliseconds since 1970. */
  accessToken: z.string(),
  accessUntil: z.number(),
  refreshToken: z.string().optional(),
  /** The session's own end. */
  until: z.number(),
});
export type Session = z.infer<typeof sessionSchema>;

/** Sessions of the console, each under a token that only its browser has. */
export interface SessionTable {
  /** The token. */
  open(session: Session): Promise<string>;
  /** What it holds from now on, unless it has been closed meanwhile. */
  change(token: string, session: Session): Promise<void>;
  read(token: string): Promise<Session | undefined>;
  close(token: string): Promise<void>;
}

const TOKEN_BYTES = 32;
const SEALED = { alg: 'dir', enc: 'A256GCM' } as const;

/**
 * The table knows a token's hash, and holds what was sealed with a key made of the token: who reads it can neither come in
 * nor take an access token. Items are gone at their end; until DynamoDB removes them, their seal says that it has passed.
 */
export function sessionTable(client: DynamoDBClient, tableName: string): SessionTable {
  const keyOf = (token: string) => ({
    id: { S: `${API_STATE_KEYS.sessions}#${createHash('sha256').update(token).digest('base64url')}` },
  });
  async function write(token: string, session: Session, condition: 'attribute_exists(id)' | undefined): Promise<void> {
    const seconds = Math.floor(session.until / 1000);
    const sealed = await new EncryptJWT({ ...session })
      .setProtectedHeader(SEALED)
      .setExpirationTime(seconds)
      .encrypt(sealOf(token));
    const Item = { ...keyOf(token), sealed: { S: sealed }, expiration: { N: String(seconds) } };
    const put = { TableName: tableName, Item, ...(condition !== undefined && { ConditionExpression: condition }) };
    await conditionally(tableName, () => client.send(new PutItemCommand(put)));
  }
  return {
    async open(session) {
      const token = randomBytes(TOKEN_BYTES).toString('base64url');
      await write(token, session, undefined);
      return token;
    },
    change: (token, session) => write(token, session, 'attribute_exists(id)'),
    async read(token) {
      const get = new GetItemCommand({ TableName: tableName, Key: keyOf(token), ConsistentRead: true });
      const sealed = (await onTable(tableName, () => client.send(get))).Item?.sealed?.S;
      if (sealed === undefined) return undefined;
      try {
        const { payload } = await jwtDecrypt(sealed, sealOf(token), {
          keyManagementAlgorithms: [SEALED.alg],
          contentEncryptionAlgorithms: [SEALED.enc],
          requiredClaims: ['exp'],
        });
        return sessionSchema.parse(payload);
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
    async close(token) {
      await onTable(tableName, () => client.send(new DeleteItemCommand({ TableName: tableName, Key: keyOf(token) })));
    },
  };
}

const sealOf = (token: string): Uint8Array => new Uint8Array(hkdfSync('sha256', token, '', 'console session', 32));

import { createHash, createHmac } from 'node:crypto';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { SignatureV4 } from '@smithy/signature-v4';
import { Valkey } from 'iovalkey';
import { DistributaryError } from '../../core/errors.ts';

/** A cache that takes longer costs more than it saves. */
const ANSWER_MS = 250;
/** TCP and TLS within one network. */
const CONNECT_MS = 1000;
/** The most that the service allows. */
const TOKEN_SECONDS = 900;
const SERVICE = 'elasticache';

export interface ValkeyPlace {
  /** `rediss://host:port` over TLS, `redis://host:port` without; with `user:password@` where that is how one logs in. */
  readonly url: string;
  /** How a function logs in by IAM: what the cache is called, and the user there. */
  readonly login?: { readonly cacheName: string; readonly user: string; readonly region: string };
  /** How long to wait for an answer, and for a connection. */
  readonly answerMs?: number;
  readonly connectMs?: number;
}

/**
 * One connection, made when it is first needed and made again after it has broken, each time with a login of its own.
 * Requests are of one key and may be repeated: one that fails on an old connection, which may have died while the function
 * was frozen, is asked once more on a new one.
 */
export class ValkeyClient {
  readonly #place: ValkeyPlace;
  #connection: Promise<Valkey> | undefined;

  constructor(place: ValkeyPlace) {
    this.#place = place;
  }

  /** Throws `store-unavailable`. */
  async ask<T>(request: (connection: Valkey) => Promise<T>): Promise<T> {
    const old = this.#connection;
    try {
      return await this.#try(request);
    } catch (error) {
      if (!old) throw unavailable(error);
    }
    return this.#try(request).catch(error => {
      throw unavailable(error);
    });
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.then(release, () => {});
  }

  async #try<T>(request: (connection: Valkey) => Promise<T>): Promise<T> {
    this.#connection ??= this.#connect();
    const mine = this.#connection;
    try {
      return await request(await mine);
    } catch (error) {
      // Whoever else was waiting on it fails with it, and asks again too.
      if (this.#connection === mine) await this.close();
      throw error;
    }
  }

  async #connect(): Promise<Valkey> {
    const { url, login, answerMs = ANSWER_MS, connectMs = CONNECT_MS } = this.#place;
    const { hostname, port, protocol, username, password } = new URL(url);
    const connection = new Valkey({
      host: hostname,
      port: Number(port),
      ...(protocol === 'rediss:' && { tls: { servername: hostname } }),
      ...(username && { username, password: decodeURIComponent(password) }),
      ...(login && { username: login.user, password: await tokenOf(login) }),
      lazyConnect: true,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      connectTimeout: connectMs,
      commandTimeout: answerMs,
    });
    // Each request says so itself.
    connection.on('error', () => {});
    try {
      await connection.connect();
    } catch (error) {
      release(connection);
      throw error;
    }
    return connection;
  }
}

/** One that has ended by itself would be waited for. */
const release = (connection: Valkey): void => {
  if (connection.status !== 'end') connection.disconnect();
};

/** Without its cause: the client's errors carry the request. */
const unavailable = (cause: unknown): DistributaryError =>
  new DistributaryError(
    'store-unavailable',
    `Valkey does not answer: ${cause instanceof Error ? cause.message : String(cause)}`,
  );

/** What AWS takes for a password: a request to connect, signed by the function's role and good for a quarter of an hour. */
export async function tokenOf({ cacheName, user, region }: NonNullable<ValkeyPlace['login']>): Promise<string> {
  const signer = new SignatureV4({ service: SERVICE, region, credentials: defaultProvider(), sha256: Sha256 });
  const { path, query } = await signer.presign(
    {
      method: 'GET',
      protocol: 'https:',
      hostname: cacheName,
      path: '/',
      query: { Action: 'connect', User: user, ResourceType: 'ServerlessCache' },
      headers: { host: cacheName },
    },
    { expiresIn: TOKEN_SECONDS },
  );
  return `${cacheName}${path}?${new URLSearchParams(query as Record<string, string>)}`;
}

/** As the signer wants it, of Node's own. */
class Sha256 {
  readonly #hash;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as string | Uint8Array);
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error('a signature is made once');
  }
}

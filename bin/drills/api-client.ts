import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DistributaryError } from '../../core/errors.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import { ISSUER_FILE, signToken } from '../../local/issuer.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  /** @default none */
  readonly ifMatch?: string;
}
export interface Reply {
  readonly status: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: an answer is as deep as who asked looks
  readonly body: any;
}
export type AskApi = (
  who: { readonly user: string; readonly actingFor?: string | undefined },
  asked: Asked,
) => Promise<Reply>;

const MOST_TRIES = 20;

/** Asks the API of a running local mode in anybody's name; comes again when it is told to slow down. */
export function apiClient({ api, issuer }: Endpoints, dataDir: string): AskApi {
  const file = join(dataDir, ISSUER_FILE);
  if (api === undefined || issuer === undefined || !existsSync(file)) {
    throw new DistributaryError('not-running', `the local mode on ${dataDir} has no API`);
  }
  const key = readFileSync(file, 'utf8');
  const tokens = new Map<string, Promise<string>>();
  const tokenOf = (user: string): Promise<string> => {
    const token = tokens.get(user) ?? signToken(key, issuer, user);
    tokens.set(user, token);
    return token;
  };
  return async ({ user, actingFor }, { method, path, body, ifMatch }) => {
    const headers = {
      authorization: `Bearer ${await tokenOf(user)}`,
      'idempotency-key': randomUUID(),
      ...(actingFor !== undefined && { 'acting-for': actingFor }),
      ...(ifMatch !== undefined && { 'if-match': ifMatch }),
      ...(body && { 'content-type': 'application/json' }),
    };
    for (let tries = 1; ; tries++) {
      const response = await fetch(api + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
      const text = await response.text();
      if (response.status !== 429 || tries === MOST_TRIES) {
        return { status: response.status, text, body: JSON.parse(text || 'null') };
      }
      await delay(Number(response.headers.get('retry-after') ?? 1) * 1000);
    }
  };
}

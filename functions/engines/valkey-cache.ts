import { readEnvironment, valkeyVariables } from '../../core/environment.ts';
import { valkeyCache } from '../stores/valkey-cache.ts';
import { ValkeyClient } from '../stores/valkey-client.ts';
import type { CacheEngine } from './cache.ts';

export const cache: CacheEngine = {
  open() {
    const { VALKEY_URL, VALKEY_CACHE, VALKEY_USER, AWS_REGION } = readEnvironment(valkeyVariables);
    if (!VALKEY_CACHE || !VALKEY_USER || !AWS_REGION) return valkeyCache(new ValkeyClient({ url: VALKEY_URL }));
    const login = { cacheName: VALKEY_CACHE, user: VALKEY_USER, region: AWS_REGION };
    return valkeyCache(new ValkeyClient({ url: VALKEY_URL, login }));
  },
};

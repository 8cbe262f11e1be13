import type { Cache } from '../../core/cache.ts';
import type { ValkeyClient } from './valkey-client.ts';

/** Keys of one server, which forgets them by its own clock. */
export const valkeyCache = (client: ValkeyClient): Cache => ({
  async get(key) {
    return (await client.ask(connection => connection.get(key))) ?? undefined;
  },
  async put(key, value, forMs) {
    await client.ask(connection => connection.set(key, value, 'PX', forMs));
  },
  async claim(key, forMs) {
    return (await client.ask(connection => connection.set(key, '', 'PX', forMs, 'NX'))) === 'OK';
  },
  async remove(key) {
    await client.ask(connection => connection.del(key));
  },
  close: () => client.close(),
});

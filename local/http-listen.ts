import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DistributaryError } from '../core/errors.ts';

/** Opens the port for this machine only; its URL. Throws `port-taken`. */
export function listen(server: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = new DistributaryError('port-taken', `port ${port} on 127.0.0.1 is taken`, { cause: error });
      reject(error.code === 'EADDRINUSE' ? taken : error);
    });
    server.listen(port, '127.0.0.1', () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
  });
}

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DistributaryError } from '../core/errors.ts';

export interface Listening {
  readonly url: string;
  /** Hangs up on everybody. */
  stop(): void;
}

/** Opens the port for this machine only. Throws `port-taken`. */
export function listen(server: Server, port: number): Promise<Listening> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = new DistributaryError('port-taken', `port ${port} on 127.0.0.1 is taken`, { cause: error });
      reject(error.code === 'EADDRINUSE' ? taken : error);
    });
    server.listen(port, '127.0.0.1', () => {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const stop = () => {
        server.close();
        server.closeAllConnections();
      };
      resolve({ url, stop });
    });
  });
}

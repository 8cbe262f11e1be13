import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server that can be blocked: what a client sees is a server that is gone, and comes back. */
export interface OutageProxy {
  /** Use in place of the server's. */
  readonly url: string;
  /** Runs `during` with every connection cut and none accepted. */
  outage(during: () => Promise<void>): Promise<void>;
  /** Cuts the connections that are open, as an idle time-out on the way does. */
  cut(): void;
  close(): Promise<void>;
}

export async function startOutageProxy(serverUrl: string): Promise<OutageProxy> {
  const server = new URL(serverUrl);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true).on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const listener = createServer(client => {
    const upstream = keep(connect(Number(server.port), server.hostname));
    keep(client).pipe(upstream).pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  const listen = async (port: number) => {
    listener.listen(port, '127.0.0.1');
    await once(listener, 'listening');
    return (listener.address() as AddressInfo).port;
  };
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const close = async () => {
    const closed = once(listener, 'close');
    listener.close();
    cut();
    await closed;
  };
  const port = await listen(0);
  const url = new URL(serverUrl);
  url.host = `127.0.0.1:${port}`;
  return {
    url: url.href,
    cut,
    close,
    async outage(during) {
      await close();
      await during().finally(() => listen(port));
    },
  };
}

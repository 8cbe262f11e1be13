/** DynamoDB's stand-in as a process of its own: `node dynalite-server.ts --data=FOLDER --port=N`. Tables survive in the folder. */
import type { AddressInfo, Server } from 'node:net';
import { parseArgs } from 'node:util';
// @ts-expect-error dynalite has no types
import dynalite from 'dynalite';

const { values } = parseArgs({ options: { data: { type: 'string' }, port: { type: 'string', default: '0' } } });
/** Tables are made and removed at once: AWS takes seconds, but nothing here needs to wait for the sake of it. */
const server: Server = dynalite({ path: values.data, createTableMs: 0, updateTableMs: 0, deleteTableMs: 0 });

server.listen(Number(values.port), '127.0.0.1', () => {
  console.log(`listening at http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => server.close(() => process.exit(0)));

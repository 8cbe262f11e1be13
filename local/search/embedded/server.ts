import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Engine } from './engine.ts';
import { answer } from './http.ts';
import { routes } from './routes.ts';

/**
 * The embedded search engine, a process of its own so that it can be killed like a real one:
 * `node server.ts --data=FOLDER --port=0`. Says where it listens once it does; SIGTERM ends it.
 *
 * It answers what it understands as OpenSearch 3.6 does, down to scores and refusals, and everything else with 501. Known
 * to differ: an object that names a member twice keeps the last one; a long text may be cut a word earlier or later when
 * it is highlighted; durations and `took` are its own.
 */
const { values } = parseArgs({ options: { data: { type: 'string' }, port: { type: 'string', default: '0' } } });
if (values.data === undefined) throw new Error('--data=FOLDER is missing');

/** Longer than any client keeps an idle connection, so that none is closed while a request is on its way. */
const KEEP_ALIVE_MS = 10 * 60_000;

const engine = new Engine(join(values.data, 'search.sqlite'));
const server = createServer((incoming, outgoing) => void answer(engine, routes, incoming, outgoing));
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.requestTimeout = 0;

server.on('error', error => {
  console.error(`error: ${error.message}`);
  process.exit(1);
});

server.listen(Number(values.port), '127.0.0.1', () => {
  console.log(`listening at http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  engine.storage.close();
  process.exit(0);
});

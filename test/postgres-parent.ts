import { startPostgres } from '../local/postgres.ts';

/** A process that starts PostgreSQL in the folder named, says so, and lives until it is killed (postgres.local.ts). */
const server = await startPostgres({ dataDir: process.argv[2]!, onLog: line => console.error(line) });
console.log(JSON.stringify({ pid: server.pid, url: server.url }));

import { writeSync } from 'node:fs';
import { takeOver } from '../functions/relay/slot.ts';

/**
 * A process that takes the slot, writes down the ids of what it receives, acknowledges, and does so until it is killed
 * (replication.local.ts). A line is on its way to the parent before its transaction is acknowledged.
 */
const [connectionString, slot, publication] = process.argv.slice(2);
const { stream } = await takeOver({
  connection: { connectionString: connectionString! },
  slot: slot!,
  publication: publication!,
  statusIntervalMs: 20,
});
for await (const parts of stream) {
  for (const { inserts, endLsn } of parts) {
    for (const { row } of inserts) writeSync(1, `${row.id}\n`);
    if (endLsn) stream.acknowledge(endLsn);
  }
}

import { Agent, request } from 'node:http';
import type { Write } from '../../core/store.ts';
import { inFlight } from '../../functions/in-flight.ts';
import { encodeDocument } from '../../functions/stores/opensearch-index.ts';

/** The documents as bodies of `_bulk` requests, of so many each. */
export function bulkBodies(writes: readonly Write[], documents: number): readonly Buffer[] {
  const bodies: Buffer[] = [];
  for (let from = 0; from < writes.length; from += documents) {
    const lines = writes.slice(from, from + documents).map(write => {
      const action = { index: { _id: write.key, version: write.version, version_type: 'external' } };
      return `${JSON.stringify(action)}\n${encodeDocument(write, JSON.stringify(write.document))}\n`;
    });
    bodies.push(Buffer.from(lines.join('')));
  }
  return bodies;
}

/** Posts bodies that are ready, so many at once, and asks for nothing but whether all went well. */
export async function postBodies(url: string, index: string, bodies: readonly Buffer[], atOnce: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const target = new URL(`/${index}/_bulk?filter_path=errors`, url);
  try {
    await inFlight(bodies, atOnce, body => post(target, agent, body));
  } finally {
    agent.destroy();
  }
}

function post(target: URL, agent: Agent, body: Buffer): Promise<void> {
  const headers = { 'content-type': 'application/x-ndjson', 'content-length': body.length };
  return new Promise((resolve, reject) => {
    const sent = request(target, { method: 'POST', agent, headers }, answer => {
      const chunks: Buffer[] = [];
      answer.on('data', chunk => chunks.push(chunk));
      answer.once('error', reject);
      answer.once('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (answer.statusCode === 200 && text === '{"errors":false}') resolve();
        else reject(new Error(`bulk: ${answer.statusCode} ${text.slice(0, 300)}`));
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

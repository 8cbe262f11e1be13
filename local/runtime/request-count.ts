import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';

/** Requests by service and operation, e.g. `dynamodb.PutItem`, `s3.PUT`, `sns.POST`. */
export type RequestCounts = Readonly<Record<string, number>>;

/** Service of a signed request: the scope reads `key/day/region/service/aws4_request`. */
const SIGNED_FOR = /Credential=[^/]+\/\d+\/[^/]+\/([a-z0-9-]+)\/aws4_request/;

/** Counts what this process asks of servers over HTTP, the SDK's clients and OpenSearch's alike. Each `take` begins anew. */
export function countRequests(): { add(name: string, count: number): void; take(): RequestCounts | undefined } {
  let counts: Record<string, number> = {};
  const add = (name: string, count: number): void => {
    counts[name] = (counts[name] ?? 0) + count;
  };
  subscribe('http.client.request.start', message => add(nameOf((message as { request: ClientRequest }).request), 1));
  return {
    add,
    take() {
      const taken = counts;
      counts = {};
      return Object.keys(taken).length === 0 ? undefined : taken;
    },
  };
}

function nameOf(request: ClientRequest): string {
  const signature = request.getHeader('authorization');
  const service = typeof signature === 'string' ? SIGNED_FOR.exec(signature)?.[1] : undefined;
  const target = request.getHeader('x-amz-target');
  const action = typeof target === 'string' ? target.split('.')[1] : undefined;
  return `${service ?? 'unsigned'}.${action ?? request.method}`;
}

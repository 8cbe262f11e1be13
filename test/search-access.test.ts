import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { domainReport } from '../functions/guardian/domain.ts';
import { admit, dismiss, roleDefinition } from '../functions/search-access/admission.ts';
import { openSearchClient } from '../functions/stores/opensearch-client.ts';

/** The service's permissions exist on AWS only; here it is held to the requests that its documentation asks for. */
async function security(answer: (method: string, path: string) => [number, object]) {
  const asked: { method: string; path: string; body: unknown }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const [method, path] = [request.method!, request.url!];
    asked.push({ method, path, body: text === '' ? undefined : JSON.parse(text) });
    const [status, body] = answer(method, path);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const client = openSearchClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    asked,
    client,
    async [Symbol.asyncDispose]() {
      await client.close();
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

const ADMISSION = { role: 'distributary-case-search', index: 'case-search', members: ['arn:aws:iam::1:role/project'] };
const API = '/_plugins/_security/api';

test('a role of the store is made and worn by its functions, and taken back', async () => {
  await using domain = await security(() => [200, {}]);
  await admit(domain.client, ADMISSION);
  await dismiss(domain.client, ADMISSION.role);
  expect(domain.asked).toEqual([
    { method: 'PUT', path: `${API}/roles/${ADMISSION.role}`, body: roleDefinition('case-search') },
    { method: 'PUT', path: `${API}/rolesmapping/${ADMISSION.role}`, body: { backend_roles: ADMISSION.members } },
    { method: 'DELETE', path: `${API}/rolesmapping/${ADMISSION.role}`, body: undefined },
    { method: 'DELETE', path: `${API}/roles/${ADMISSION.role}`, body: undefined },
  ]);
});

test('the role is for indexes of this store, and of no store whose name begins with its name', () => {
  expect(roleDefinition('case')).toMatchObject({ index_permissions: [{ index_patterns: ['case', 'case.*'] }] });
});

test.each([
  ['OpenSearch without the plug-in', 400, { error: 'no handler found for uri [/_plugins] and method [PUT]' }],
  ['the stand-in of local mode', 501, { error: { reason: 'not spoken' } }],
])('%s lets everybody in, so nothing is asked any further', async (_, status, body) => {
  await using domain = await security(() => [status, body]);
  await admit(domain.client, ADMISSION);
  expect(domain.asked).toHaveLength(1);
});

test('what the domain refuses fails the deployment', async () => {
  await using domain = await security(() => [400, { status: 'error', reason: 'Invalid configuration' }]);
  await expect(admit(domain.client, ADMISSION)).rejects.toThrow(/PUT roles\/distributary-case-search with .*Invalid/);
});

test("the service's figures, which are text, become figures", () => {
  const nodes = [
    { NodeType: 'Data', StorageSize: '20' },
    { NodeType: 'Data', StorageSize: '20' },
    { NodeType: 'Master' },
  ] as const;
  expect(domainReport({ ClusterHealth: 'Yellow', TotalUnAssignedShards: '3' }, nodes)).toEqual({
    health: 1,
    unassignedShards: 3,
    capacityBytes: 40 * 2 ** 30,
  });
  expect(domainReport({ ClusterHealth: undefined, TotalUnAssignedShards: undefined }, [])).toMatchObject({ health: 3 });
});

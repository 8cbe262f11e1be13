import { DistributaryError } from '../../core/errors.ts';
import { ask, type OpenSearch } from '../stores/opensearch-client.ts';

/** Who may work on the indexes of one store, by OpenSearch's own permissions. */
export interface Admission {
  readonly role: string;
  readonly index: string;
  /** ARNs of IAM roles. */
  readonly members: readonly string[];
}

const API = '/_plugins/_security/api';

/**
 * IAM says which requests each of them may send; this says to which indexes, also where a request names them in its body.
 * https://docs.opensearch.org/latest/security/access-control/permissions/
 */
export const roleDefinition = (index: string): object => ({
  cluster_permissions: [
    'cluster_composite_ops',
    'indices:admin/index_template/put',
    'indices:admin/index_template/get',
  ],
  index_permissions: [{ index_patterns: [index, `${index}.*`], allowed_actions: ['indices_all'] }],
});

/** Makes the role and says who wears it; nobody else does then. */
export async function admit(client: OpenSearch, { role, index, members }: Admission): Promise<void> {
  if (!(await send(client, 'PUT', `roles/${role}`, roleDefinition(index)))) return;
  await send(client, 'PUT', `rolesmapping/${role}`, { backend_roles: members });
}

export async function dismiss(client: OpenSearch, role: string): Promise<void> {
  if (await send(client, 'DELETE', `rolesmapping/${role}`)) await send(client, 'DELETE', `roles/${role}`);
}

/** Whether the engine has such permissions at all: a plain OpenSearch, as on a developer's machine, lets everybody in. */
async function send(client: OpenSearch, method: 'PUT' | 'DELETE', path: string, body?: object): Promise<boolean> {
  const expect = method === 'DELETE' ? [400, 404, 501] : [400, 501];
  const question = { method, path: `${API}/${path}`, expect, ...(body && { body }) };
  const answer = await ask<{ readonly error?: unknown }>(client, question);
  if (answer.status < 300 || answer.status === 404) return true;
  const said = JSON.stringify(answer.body.error ?? answer.body);
  if (answer.status === 501 || /no handler found/.test(said)) return false;
  throw new DistributaryError('store-unavailable', `OpenSearch answered ${method} ${path} with ${said.slice(0, 300)}`);
}

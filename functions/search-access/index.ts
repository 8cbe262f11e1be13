import * as z from 'zod';
import { openSearchVariables, readEnvironment } from '../../core/environment.ts';
import { customResource } from '../custom-resource.ts';
import { openSearchClient } from '../stores/opensearch-client.ts';
import { admit, dismiss } from './admission.ts';

const { OPENSEARCH_URL } = readEnvironment(openSearchVariables);

const properties = z.object({
  /** Name of OpenSearch's own role. */
  Role: z.string().min(1),
  /** The store, which begins the name of each of its indexes. */
  Index: z.string().min(1),
  /** ARNs of the IAM roles that wear it. */
  Members: z.array(z.string()),
});

/** Administers the domain's own roles, which no other function may. */
export const handler = customResource(async ({ RequestType, ResourceProperties }) => {
  const { Role, Index, Members } = properties.parse(ResourceProperties);
  const client = openSearchClient(OPENSEARCH_URL);
  if (RequestType === 'Delete') await dismiss(client, Role);
  else await admit(client, { role: Role, index: Index, members: Members });
  return { PhysicalResourceId: Role };
});

import * as z from 'zod';
import { rolesOf } from '../../core/policy.ts';
import { PROBLEMS } from './problem.ts';
import type { Route } from './route.ts';

const VERSION = '1.0.0';

/** An OpenAPI 3.1 document of the routes: its schemas are JSON Schema as zod writes it, so it says what is checked. */
export function openApi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    paths[route.path]![route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Cases',
      version: VERSION,
      description:
        'Commands write the canonical store. Queries say what they promise in x-consistency and how far their store has come.',
    },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      responses: { problem: PROBLEM },
      headers: HEADERS,
    },
  };
}

function operationOf(route: Route): object {
  const { name, summary, operation, params, query, body, answer, status, consistency } = route;
  return {
    operationId: name,
    summary,
    ...(route.isOpen && { security: [] }),
    ...(operation && { 'x-roles': rolesOf(operation) }),
    ...(consistency && { 'x-consistency': consistency }),
    parameters: [...parametersOf(params, 'path'), ...parametersOf(query, 'query'), ...headersOf(route)],
    ...(body && {
      requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } },
    }),
    responses: {
      [status]: {
        description: 'Done.',
        headers: headerRefs('etag', 'ratelimit', 'ratelimit-policy'),
        content: { 'application/json': { schema: schemaOf(answer, 'output') } },
      },
      default: { $ref: '#/components/responses/problem' },
    },
  };
}

const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): object => {
  const { $schema, ...plain } = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' });
  return plain;
};

function parametersOf(schema: z.ZodObject, where: 'path' | 'query'): object[] {
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    ...(property.description && { description: property.description }),
    schema: property,
  }));
}

function headersOf({ needsVersion, needsKey, method }: Route): object[] {
  const header = (name: string, required: boolean, description: string): object => ({
    name,
    in: 'header',
    required,
    description,
    schema: { type: 'string' },
  });
  const actingFor = header('Acting-For', false, 'Company to act for, for those who are of several.');
  if (method === 'GET') return [actingFor];
  return [
    actingFor,
    ...(needsVersion
      ? [header('If-Match', true, 'Version that you have seen, in quotes; * for whichever it is.')]
      : []),
    ...(needsKey ? [header('Idempotency-Key', true, 'Yours; the same for each try of one intent.')] : []),
  ];
}

const HEADERS = {
  etag: { description: 'The version, in quotes.', schema: { type: 'string' } },
  'retry-after': { description: 'Seconds after which to try again.', schema: { type: 'integer' } },
  ratelimit: {
    description: 'What is left (r) of a limit, and in how many seconds (t) there is more, as far as is known here.',
    schema: { type: 'string', examples: ['"person";r=212;t=7'] },
  },
  'ratelimit-policy': {
    description: 'The limits of one person: so many requests (q) in so many seconds (w).',
    schema: { type: 'string' },
  },
};

const headerRefs = (...names: readonly (keyof typeof HEADERS)[]): object =>
  Object.fromEntries(names.map(name => [name, { $ref: `#/components/headers/${name}` }]));

const PROBLEM = {
  description: `A problem (RFC 9457): ${Object.keys(PROBLEMS).join(', ')}.`,
  headers: headerRefs('retry-after', 'ratelimit', 'ratelimit-policy'),
  content: {
    'application/problem+json': {
      schema: {
        type: 'object',
        required: ['type', 'title', 'status'],
        properties: {
          type: { type: 'string', format: 'uri' },
          title: { type: 'string' },
          status: { type: 'integer' },
          detail: { type: 'string' },
          instance: { type: 'string', format: 'uri' },
        },
      },
    },
  },
};

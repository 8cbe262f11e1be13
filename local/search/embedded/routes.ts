import { addAlias, getAliases, removeAlias, updateAliases } from './aliases.ts';
import { bulk } from './bulk.ts';
import { catIndices, health, info, stats } from './cluster.ts';
import { deleteByQuery } from './delete-by-query.ts';
import { deleteDocument, getDocument, getSource, indexDocument, multiGet } from './documents.ts';
import type { Route } from './http.ts';
import {
  createIndex,
  deleteIndex,
  getIndex,
  getMapping,
  getSettings,
  putMapping,
  putSettings,
  refresh,
} from './indices.ts';
import { count, search } from './search-requests.ts';
import { deleteTemplate, getTemplates, putTemplate } from './templates.ts';

const UNAVAILABLE = ['ignore_unavailable', 'allow_no_indices', 'expand_wildcards'];
const SOURCE = ['_source', '_source_includes', '_source_excludes'];
const WRITE = ['version', 'version_type', 'refresh', 'op_type', 'require_alias'];
const BULK = ['refresh', 'require_alias', ...SOURCE];
const SEARCH = ['from', 'size', 'sort', 'track_total_hits', 'track_scores', 'version', 'seq_no_primary_term'];

const READS = ['GET', 'HEAD'];
const WRITES = ['PUT', 'POST'];
const QUERIES = ['GET', 'POST'];

/** The interface, one line each. What is not here is answered 501. */
export const routes: readonly Route[] = [
  { methods: READS, path: '/', params: [], handle: info },
  { methods: WRITES, path: '/_bulk', params: BULK, handle: bulk },
  { methods: WRITES, path: '/:index/_bulk', params: BULK, handle: bulk },
  { methods: QUERIES, path: '/_mget', params: ['realtime', 'refresh', ...SOURCE], handle: multiGet },
  { methods: QUERIES, path: '/:index/_mget', params: ['realtime', 'refresh', ...SOURCE], handle: multiGet },
  { methods: READS, path: '/:index/_doc/:id', params: ['realtime', 'refresh', ...SOURCE], handle: getDocument },
  { methods: WRITES, path: '/:index/_doc/:id', params: WRITE, handle: indexDocument },
  { methods: WRITES, path: '/:index/_create/:id', params: WRITE, handle: request => indexDocument(request, true) },
  { methods: ['POST'], path: '/:index/_doc', params: WRITE, handle: indexDocument },
  { methods: ['DELETE'], path: '/:index/_doc/:id', params: WRITE, handle: deleteDocument },
  { methods: READS, path: '/:index/_source/:id', params: ['realtime', 'refresh', ...SOURCE], handle: getSource },

  {
    methods: QUERIES,
    path: '/_search',
    params: [...SEARCH, ...SOURCE, ...UNAVAILABLE, 'rest_total_hits_as_int'],
    handle: search,
  },
  {
    methods: QUERIES,
    path: '/:index/_search',
    params: [...SEARCH, ...SOURCE, ...UNAVAILABLE, 'rest_total_hits_as_int'],
    handle: search,
  },
  { methods: QUERIES, path: '/_count', params: UNAVAILABLE, handle: count },
  { methods: QUERIES, path: '/:index/_count', params: UNAVAILABLE, handle: count },
  {
    methods: ['POST'],
    path: '/:index/_delete_by_query',
    params: ['refresh', 'conflicts', 'wait_for_completion', ...UNAVAILABLE],
    handle: deleteByQuery,
  },

  { methods: QUERIES, path: '/_refresh', params: UNAVAILABLE, handle: refresh },
  { methods: QUERIES, path: '/:index/_refresh', params: UNAVAILABLE, handle: refresh },
  { methods: READS, path: '/:index', params: UNAVAILABLE, handle: getIndex },
  { methods: ['PUT'], path: '/:index', params: [], handle: createIndex },
  { methods: ['DELETE'], path: '/:index', params: UNAVAILABLE, handle: deleteIndex },
  { methods: ['GET'], path: '/_mapping', params: UNAVAILABLE, handle: getMapping },
  { methods: ['GET'], path: '/:index/_mapping', params: UNAVAILABLE, handle: getMapping },
  { methods: WRITES, path: '/:index/_mapping', params: UNAVAILABLE, handle: putMapping },
  { methods: ['GET'], path: '/_settings', params: UNAVAILABLE, handle: getSettings },
  { methods: ['GET'], path: '/:index/_settings', params: UNAVAILABLE, handle: getSettings },
  { methods: ['PUT'], path: '/:index/_settings', params: UNAVAILABLE, handle: putSettings },

  { methods: ['POST'], path: '/_aliases', params: [], handle: updateAliases },
  { methods: READS, path: '/_alias', params: UNAVAILABLE, handle: getAliases },
  { methods: READS, path: '/_alias/:alias', params: UNAVAILABLE, handle: getAliases },
  { methods: READS, path: '/:index/_alias', params: UNAVAILABLE, handle: getAliases },
  { methods: READS, path: '/:index/_alias/:alias', params: UNAVAILABLE, handle: getAliases },
  { methods: WRITES, path: '/:index/_alias/:alias', params: [], handle: addAlias },
  { methods: ['DELETE'], path: '/:index/_alias/:alias', params: [], handle: removeAlias },

  { methods: READS, path: '/_index_template', params: [], handle: getTemplates },
  { methods: READS, path: '/_index_template/:template', params: [], handle: getTemplates },
  { methods: WRITES, path: '/_index_template/:template', params: ['create'], handle: putTemplate },
  { methods: ['DELETE'], path: '/_index_template/:template', params: [], handle: deleteTemplate },

  { methods: ['GET'], path: '/_cluster/health', params: ['wait_for_status', 'level', 'local'], handle: health },
  { methods: ['GET'], path: '/_cluster/health/:index', params: ['wait_for_status', 'level', 'local'], handle: health },
  { methods: ['GET'], path: '/_cat/indices', params: ['format', 'h', 'bytes', ...UNAVAILABLE], handle: catIndices },
  {
    methods: ['GET'],
    path: '/_cat/indices/:index',
    params: ['format', 'h', 'bytes', ...UNAVAILABLE],
    handle: catIndices,
  },
  { methods: ['GET'], path: '/_stats', params: UNAVAILABLE, handle: stats },
  { methods: ['GET'], path: '/_stats/:metric', params: UNAVAILABLE, handle: stats },
  { methods: ['GET'], path: '/:index/_stats', params: UNAVAILABLE, handle: stats },
  { methods: ['GET'], path: '/:index/_stats/:metric', params: UNAVAILABLE, handle: stats },
];

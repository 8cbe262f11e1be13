import type { Answer } from './answer.ts';
import type { Index } from './document-index.ts';
import { isTrue, type Reply, type Request } from './http.ts';
import { isObject, type JsonObject, list, parseBody } from './json.ts';
import { notSpoken, only, Refusal, refuse } from './refusal.ts';
import { filterSource, parseSourceFilter, type SourceFilter, sourceParams } from './source-filter.ts';
import { applyWrite, forced, parseVersioning, settle, validationFailed, type Write, wantsRefresh } from './writes.ts';

export function indexDocument(request: Request, create = false): Reply {
  const opType = request.params.get('op_type');
  if (opType !== undefined && opType !== 'index' && opType !== 'create') throw notSpoken(`[op_type=${opType}]`);
  return writeOne(request, create || opType === 'create' ? 'create' : 'index');
}

export function deleteDocument(request: Request): Reply {
  return writeOne(request, 'delete');
}

function writeOne({ engine, at, params, body }: Request, action: Write['action']): Reply {
  const version = params.has('version') ? Number(params.get('version')) : undefined;
  const versioning = parseVersioning(params.get('version_type'), version, action === 'create');
  if ('complaint' in versioning) throw validationFailed([versioning.complaint]);
  const requireAlias = isTrue(params, 'require_alias');
  const write: Write = { action, index: at.index as string, id: at.id, versioning, requireAlias, source: body };
  if (action !== 'delete' && body === '') throw validationFailed(['source is missing']);
  const done = engine.storage.transaction(() => {
    try {
      return applyWrite(engine, write);
    } catch (error) {
      // The index that a refused write made stays, as in OpenSearch: so the transaction must not roll back.
      if (error instanceof Refusal) return error;
      throw error;
    }
  });
  if (done instanceof Refusal) throw done;
  settle(engine, [done], wantsRefresh(params));
  return { status: done.status, body: { ...done.body, ...forced(params) } };
}

/** The newest write, visible to searches or not. */
export function getDocument({ engine, at, params }: Request): Reply {
  const found = read(engine.single(at.index as string), at.id as string, sourceParams(params));
  return { status: found.found === true ? 200 : 404, body: found };
}

export function getSource({ engine, at, params }: Request): Reply {
  const index = engine.single(at.index as string);
  const found = read(index, at.id as string, sourceParams(params));
  if (found.found === true) return { body: found._source };
  throw refuse(404, 'resource_not_found_exception', `Document not found [${index.name}]/[${at.id}]`);
}

export function multiGet({ engine, at, params, body }: Request): Reply {
  const json = parseBody(body);
  only(['ids', 'docs'], json, '_mget');
  const filter = sourceParams(params);
  const docs: JsonObject[] = json.docs
    ? list(json.docs).map(doc => (isObject(doc) ? doc : {}))
    : list(json.ids).map(_id => ({ _id }));
  if (docs.length === 0) throw validationFailed(['no documents to get']);
  return {
    body: {
      docs: docs.map(({ _index, _id, _source, ...rest }) => {
        only([], rest, 'a document of _mget');
        const name = String(_index ?? at.index);
        if (_index === undefined && at.index === undefined) throw validationFailed(['index is missing']);
        const own = _source === undefined ? filter : parseSourceFilter(_source);
        const there = engine.indices.has(name) || engine.behind(name).length > 0;
        return there ? read(engine.single(name), String(_id), own) : { _index: name, _id, found: false };
      }),
    },
  };
}

function read(index: Index, id: string, filter: SourceFilter): { readonly [key: string]: Answer } {
  const found = index.shard.get(id);
  if (!found) return { _index: index.name, _id: id, found: false };
  const { version, seq, source } = found;
  return {
    _index: index.name,
    _id: id,
    _version: version,
    _seq_no: seq,
    _primary_term: 1,
    found: true,
    _source: filterSource(source, filter),
  };
}

import type { Answer } from './answer.ts';
import type { Reply, Request } from './http.ts';
import { scopes } from './indices.ts';
import { parseBody } from './json.ts';
import { notSpoken, only } from './refusal.ts';
import { matches } from './search.ts';
import { validationFailed, wantsRefresh } from './writes.ts';

/** Deletes what searches see of a query; a document written since then is a conflict and stays. */
export function deleteByQuery(request: Request): Reply {
  const started = performance.now();
  const { engine, params, body, at } = request;
  const json = parseBody(body);
  only(['query'], json, '_delete_by_query');
  if (json.query === undefined) throw validationFailed(['query is missing']);
  if (params.get('wait_for_completion') === 'false') throw notSpoken('[wait_for_completion=false]');
  const hits = scopes(request).flatMap(scope => matches(scope, json.query));
  const failures: Answer[] = [];
  let deleted = 0;
  engine.storage.transaction(() => {
    for (const { index, doc } of hits) {
      if (index.shard.get(doc.id)?.seq !== doc.seq) {
        failures.push({
          index: index.name,
          id: doc.id,
          status: 409,
          cause: { type: 'version_conflict_engine_exception' },
        });
        continue;
      }
      index.shard.delete(doc.id, { type: 'internal', version: 0 });
      deleted++;
    }
  });
  if (deleted > 0 && wantsRefresh(params)) engine.refresh(engine.resolve(at.index as string));
  const proceed = params.get('conflicts') === 'proceed';
  return {
    status: failures.length > 0 && !proceed ? 409 : 200,
    body: {
      took: Math.round(performance.now() - started),
      timed_out: false,
      total: hits.length,
      deleted,
      batches: Math.ceil(hits.length / 1000),
      version_conflicts: failures.length,
      noops: 0,
      retries: { bulk: 0, search: 0 },
      throttled_millis: 0,
      requests_per_second: -1,
      throttled_until_millis: 0,
      failures: proceed ? [] : failures,
    },
  };
}

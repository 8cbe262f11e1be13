import type { Answer } from './answer.ts';
import { isTrue, type Reply, type Request } from './http.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { invalid, notSpoken, Refusal, refuse } from './refusal.ts';
import {
  applyWrite,
  type Done,
  forced,
  parseVersioning,
  settle,
  validationFailed,
  type Write,
  wantsRefresh,
} from './writes.ts';

const ACTIONS = ['create', 'delete', 'index', 'update'];
const PARAMETERS = ['_index', '_id', 'version', 'version_type', 'require_alias'];
const UNSPOKEN = ['routing', 'if_seq_no', 'if_primary_term', 'pipeline', 'retry_on_conflict', '_source'];

/** Many writes in one transaction; each has its own outcome, in their order. A malformed line refuses them all. */
export function bulk({ engine, at, params, body }: Request): Reply {
  const started = performance.now();
  const writes = parseBulk(body, at.index, isTrue(params, 'require_alias'));
  const done: Done[] = [];
  let errors = false;
  const items = engine.storage.transaction(() => {
    const outcomes = writes.map((write): Answer => {
      try {
        const outcome = applyWrite(engine, write);
        done.push(outcome);
        const { _index, _id, _version, result, ...rest } = outcome.body;
        return {
          [write.action]: { _index, _id, _version, result, ...forced(params), ...rest, status: outcome.status },
        };
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        errors = true;
        return { [write.action]: { _index: write.index, _id: write.id, status: error.status, error: error.error } };
      }
    });
    settle(engine, done, wantsRefresh(params));
    return outcomes;
  });
  return { body: { took: Math.round(performance.now() - started), errors, items } };
}

function parseBulk(body: string, index: string | undefined, requireAlias: boolean): Write[] {
  if (body === '') throw refuse(400, 'parse_exception', 'request body is required');
  if (!body.endsWith('\n')) throw invalid('The bulk request must be terminated by a newline [\\n]');
  const lines = body.split('\n');
  lines.pop();
  const writes: Write[] = [];
  const complaints: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    if (lines[i]?.trim() === '') continue;
    const { action, options } = parseAction(lines[i] as string, i + 1);
    const target = options._index === undefined ? index : String(options._index);
    const version = typeof options.version === 'number' ? options.version : undefined;
    const type = options.version_type === undefined ? undefined : String(options.version_type);
    const versioning = parseVersioning(type, version, action === 'create');
    const source = action === 'delete' ? '' : lines[++i];
    if (source === undefined) break; // A last action without its source: OpenSearch leaves it out without a word.
    if (target === undefined) complaints.push('index is missing');
    if ('complaint' in versioning) complaints.push(versioning.complaint);
    else if (target !== undefined) {
      const id = options._id === undefined || options._id === null ? undefined : String(options._id);
      const alias = typeof options.require_alias === 'boolean' ? options.require_alias : requireAlias;
      writes.push({ action, index: target, id, versioning, requireAlias: alias, source });
    }
  }
  if (writes.length === 0 && complaints.length === 0) complaints.push('no requests added');
  if (complaints.length > 0) throw validationFailed(complaints);
  return writes;
}

function parseAction(line: string, number: number): { action: Write['action']; options: JsonObject } {
  let json: Json;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw refuse(400, 'json_parse_exception', `action/metadata line [${number}]: ${(error as Error).message}`);
  }
  const [action = '', options] = Object.entries(isObject(json) ? json : {})[0] ?? [];
  if (!ACTIONS.includes(action) || !isObject(options)) {
    throw invalid(
      `Malformed action/metadata line [${number}], expected one of [${ACTIONS.join(', ')}] but found [${action}]`,
    );
  }
  if (action === 'update') throw notSpoken('[update] in a bulk');
  for (const name of Object.keys(options)) {
    if (UNSPOKEN.includes(name)) throw notSpoken(`[${name}] in a bulk`);
    if (PARAMETERS.includes(name)) continue;
    throw invalid(`Action/metadata line [${number}] contains an unknown parameter [${name}]`);
  }
  return { action: action as Write['action'], options };
}

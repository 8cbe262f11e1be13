import type { Template } from './engine.ts';
import type { Reply, Request } from './http.ts';
import { isObject, type JsonObject, list, parseBody } from './json.ts';
import { Mapping, wildcard } from './mapping.ts';
import { invalid, only, refuse } from './refusal.ts';
import { nestSettings, parseSettings, updateSettings } from './settings.ts';

/** Keeps a template for indices to come; it is parsed now, so that a faulty one is refused now. */
export function putTemplate({ engine, at, body }: Request): Reply {
  const json = parseBody(body);
  only(['index_patterns', 'priority', 'template', 'composed_of', '_meta', 'version'], json, 'an index template');
  if (json.index_patterns === undefined) throw invalid('Required [index_patterns]');
  if (list(json.composed_of).length > 0) only([], { composed_of: 0 }, 'an index template');
  const { settings, mappings, aliases, ...rest } = isObject(json.template) ? json.template : {};
  only([], rest, 'the template of an index template');
  const template: Template & JsonObject = {
    name: at.template as string,
    index_patterns: list(json.index_patterns).map(String),
    ...(typeof json.priority === 'number' && { priority: json.priority }),
    template: {
      ...(settings !== undefined && { settings: nestSettings(updateSettings(new Map(), parseSettings(settings))) }),
      ...(isObject(mappings) && { mappings: new Mapping(mappings).toJson() }),
      ...(isObject(aliases) && { aliases }),
    },
  };
  engine.storage.keep('template', template.name, template);
  engine.templates.set(template.name, template);
  return { body: { acknowledged: true } };
}

export function getTemplates({ engine, at }: Request): Reply {
  const wanted = at.template ?? '*';
  const found = [...engine.templates.values()].filter(({ name }) => wildcard(wanted).test(name));
  if (found.length === 0 && !wanted.includes('*')) {
    throw refuse(404, 'resource_not_found_exception', `index template matching [${wanted}] not found`);
  }
  const shown = found.map(({ name, ...template }) => ({ name, index_template: { ...template, composed_of: [] } }));
  return { body: { index_templates: shown as unknown as JsonObject[] } };
}

export function deleteTemplate({ engine, at }: Request): Reply {
  const name = at.template as string;
  if (!engine.templates.delete(name)) {
    throw refuse(404, 'index_template_missing_exception', `index_template [${name}] missing`);
  }
  engine.storage.forget('template', name);
  return { body: { acknowledged: true } };
}

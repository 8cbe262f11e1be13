import { Index } from './document-index.ts';
import { isObject, type JsonObject } from './json.ts';
import { Mapping, wildcard } from './mapping.ts';
import { invalid, noSuchIndex, notSpoken, only, refuse } from './refusal.ts';
import { parseSettings, updateSettings } from './settings.ts';
import { Storage } from './storage.ts';

export interface Template {
  readonly name: string;
  readonly index_patterns: readonly string[];
  readonly priority?: number;
  readonly template: { readonly settings?: JsonObject; readonly mappings?: JsonObject; readonly aliases?: JsonObject };
}

/** All indices and templates, and the names by which a request may mean them. */
export class Engine {
  readonly storage: Storage;
  readonly indices = new Map<string, Index>();
  readonly templates = new Map<string, Template>();

  constructor(file: string) {
    this.storage = new Storage(file);
    for (const definition of this.storage.definitions()) {
      this.indices.set(definition.name, new Index(this.storage, definition));
    }
    for (const template of this.storage.all('template')) {
      this.templates.set(String(template.name), template as unknown as Template);
    }
  }

  /** Makes an index from a body of settings, mappings and aliases, on top of the template that matches its name. */
  create(name: string, body: JsonObject): Index {
    this.#checkName(name);
    only(['settings', 'mappings', 'aliases'], body, 'the creation of an index');
    const { settings = {}, mappings = {}, aliases = {} } = this.#templateFor(name)?.template ?? {};
    const mapping = isObject(body.mappings) ? new Mapping(mappings).merge(body.mappings) : new Mapping(mappings);
    const index = Index.create(this.storage, {
      name,
      settings: Object.fromEntries(
        updateSettings(updateSettings(new Map(), parseSettings(settings)), parseSettings(body.settings)),
      ),
      mapping: mapping.toJson(),
      aliases: Object.fromEntries(
        Object.entries({ ...aliases, ...(body.aliases as JsonObject) }).map(([alias, options]) => [
          alias,
          parseAlias(options as JsonObject),
        ]),
      ),
    });
    this.indices.set(name, index);
    return index;
  }

  drop(index: Index): void {
    this.storage.transaction(() => index.drop());
    this.indices.delete(index.name);
  }

  /** The indices of an alias, in the order of their names. */
  behind(alias: string): Index[] {
    return [...this.indices.values()]
      .filter(index => index.aliases.has(alias))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Indices by an expression such as `a,b*`: names, aliases and patterns; a plain name must be there. */
  resolve(expression: string, options: { ignoreUnavailable?: boolean } = {}): Index[] {
    const found = new Set<Index>();
    for (const part of expression.split(',')) {
      if (part.startsWith('-')) throw notSpoken(`exclusions in [${expression}]`);
      const matches = this.#match(part);
      if (matches.length === 0 && !part.includes('*') && part !== '_all' && !options.ignoreUnavailable) {
        if (part.startsWith('_')) throw invalidName(part, "must not start with '_'.");
        throw noSuchIndex(part);
      }
      for (const index of matches) found.add(index);
    }
    return [...found];
  }

  /** The one index that a read of a single document means. */
  single(name: string): Index {
    const index = this.indices.get(name);
    if (index) return index;
    const behind = this.behind(name);
    if (behind.length > 1) {
      const names = behind.map(each => each.name).join(', ');
      throw invalid(
        `alias [${name}] has more than one index associated with it [${names}], can't execute a single index op`,
      );
    }
    if (!behind[0]) throw noSuchIndex(name, 'index_expression');
    return behind[0];
  }

  /** The index that a write goes to; one that is not there is made, unless the write cannot mean to. */
  forWriting(name: string, mayCreate: boolean): Index {
    const index = this.indices.get(name);
    if (index) return index;
    const behind = this.behind(name);
    const chosen = behind.filter(each => each.aliases.get(name)?.is_write_index === true);
    if (chosen[0]) return chosen[0];
    if (behind.length === 1 && behind[0]?.aliases.get(name)?.is_write_index !== false) return behind[0] as Index;
    if (behind.length > 0) {
      throw invalid(
        `no write index is defined for alias [${name}]. The write index may be explicitly disabled using ` +
          'is_write_index=false or the alias points to multiple indices without one being designated as a write index',
      );
    }
    if (!mayCreate) throw noSuchIndex(name, 'index_expression');
    return this.create(name, {});
  }

  refresh(indices: Iterable<Index>): void {
    for (const index of indices) index.shard.refresh();
  }

  #match(part: string): Index[] {
    const named = this.indices.get(part);
    if (named) return [named];
    if (part === '_all' || part === '*' || part === '') return [...this.indices.values()];
    if (!part.includes('*')) return this.behind(part);
    const pattern = wildcard(part);
    return [...this.indices.values()].filter(
      index => pattern.test(index.name) || [...index.aliases.keys()].some(alias => pattern.test(alias)),
    );
  }

  #templateFor(name: string): Template | undefined {
    const matching = [...this.templates.values()].filter(({ index_patterns }) =>
      index_patterns.some(pattern => wildcard(pattern).test(name)),
    );
    return matching.sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0))[0];
  }

  #checkName(name: string): void {
    const existing = this.indices.get(name);
    if (existing) {
      throw refuse(400, 'resource_already_exists_exception', `index [${name}/${existing.uuid}] already exists`, {
        index: name,
        index_uuid: existing.uuid,
      });
    }
    if (this.behind(name).length > 0) throw invalidName(name, 'already exists as alias');
    if (name !== name.toLowerCase()) throw invalidName(name, 'must be lowercase');
    if (/^[_+-]/.test(name)) throw invalidName(name, "must not start with '_', '-', or '+'");
    if (/[\s"*\\<|,>/?#:]/.test(name))
      throw invalidName(name, 'must not contain the following characters [ , ", *, \\, <, |, ,, >, /, ?]');
  }
}

/** `PUT` of a name that no index may have. */
function invalidName(name: string, why: string) {
  const reason = `Invalid index name [${name}], ${why}`;
  return refuse(400, 'invalid_index_name_exception', reason, { index: name, index_uuid: '_na_' });
}

/** The options of an alias that are spoken: which index writes go to. */
export function parseAlias(options: JsonObject): JsonObject {
  only(['is_write_index'], options, 'an alias');
  return typeof options.is_write_index === 'boolean' ? { is_write_index: options.is_write_index } : {};
}

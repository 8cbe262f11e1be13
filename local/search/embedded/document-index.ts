import { randomUUID } from 'node:crypto';
import type { JsonObject } from './json.ts';
import { Mapping } from './mapping.ts';
import { gcDeletesMs, nestSettings, refreshIntervalMs, replicas, type Settings, shards } from './settings.ts';
import { Shard } from './shard.ts';
import type { Definition, Storage } from './storage.ts';

/** What OpenSearch 3.6.0 writes for its own version. */
const VERSION_CREATED = '137277827';

/** One index: its definition, its documents, and the timer that makes writes visible. */
export class Index {
  readonly name: string;
  readonly uuid: string;
  readonly createdAt: number;
  readonly shard: Shard;
  readonly #storage: Storage;
  #settings: Settings;
  #mapping: Mapping;
  #aliases: ReadonlyMap<string, JsonObject>;
  #timer: NodeJS.Timeout | undefined;

  constructor(storage: Storage, definition: Definition) {
    this.#storage = storage;
    this.name = definition.name;
    this.uuid = definition.uuid;
    this.createdAt = definition.createdAt;
    this.#settings = new Map(Object.entries(definition.settings));
    this.#mapping = new Mapping(definition.mapping);
    this.#aliases = new Map(Object.entries(definition.aliases));
    this.shard = new Shard(storage.log(this.uuid), this.#mapping, gcDeletesMs(this.#settings), this);
    this.#schedule();
  }

  static create(storage: Storage, definition: Omit<Definition, 'uuid' | 'createdAt'>): Index {
    const complete = { ...definition, uuid: randomUUID(), createdAt: Date.now() };
    storage.define(complete);
    return new Index(storage, complete);
  }

  get settings(): Settings {
    return this.#settings;
  }

  set settings(settings: Settings) {
    this.#settings = settings;
    this.shard.gcDeletesMs = gcDeletesMs(settings);
    this.save();
    this.#schedule();
  }

  get mapping(): Mapping {
    return this.#mapping;
  }

  set mapping(mapping: Mapping) {
    this.#mapping = mapping;
    this.save();
  }

  get aliases(): ReadonlyMap<string, JsonObject> {
    return this.#aliases;
  }

  set aliases(aliases: ReadonlyMap<string, JsonObject>) {
    this.#aliases = aliases;
    this.save();
  }

  /** Shards of one node: the primaries, and how many of the replicas asked for are nowhere. */
  get primaries(): number {
    return shards(this.#settings);
  }

  get copies(): number {
    return this.primaries * (1 + replicas(this.#settings));
  }

  get health(): 'green' | 'yellow' {
    return this.copies === this.primaries ? 'green' : 'yellow';
  }

  get settingsJson(): JsonObject {
    return nestSettings([
      ['index.replication.type', 'DOCUMENT'],
      ['index.number_of_shards', '1'],
      ['index.number_of_replicas', '1'],
      ...this.#settings,
      ['index.provided_name', this.name],
      ['index.creation_date', String(this.createdAt)],
      ['index.uuid', this.uuid],
      ['index.version.created', VERSION_CREATED],
    ]);
  }

  save(): void {
    this.#storage.define({
      name: this.name,
      uuid: this.uuid,
      createdAt: this.createdAt,
      settings: Object.fromEntries(this.#settings),
      mapping: this.#mapping.toJson(),
      aliases: Object.fromEntries(this.#aliases),
    });
  }

  drop(): void {
    clearInterval(this.#timer);
    this.#storage.drop(this);
  }

  #schedule(): void {
    clearInterval(this.#timer);
    const intervalMs = refreshIntervalMs(this.#settings);
    if (intervalMs <= 0) return;
    this.#timer = setInterval(() => {
      this.shard.refresh();
      this.shard.collectTombstones();
    }, intervalMs);
  }
}

import type { Lane } from '../core/change.ts';
import { DistributaryError } from '../core/errors.ts';
import { PIPELINE_PARTS } from '../core/reserved-names.ts';

/** Lambda's own limit, the shortest of all that a store's name is part of. */
const MAX_FUNCTION_NAME = 64;

/**
 * Physical names. They are fixed because other things than CloudFormation go by them: the dashboard's and the alarms'
 * dimensions, the permissions for the tables and indexes that a rebuild makes, and people at a console.
 */
export class Names {
  readonly prefix: string;
  readonly cluster: string;
  readonly topic: string;
  readonly parkedQueue: string;
  readonly controlTable: string;
  readonly alarmTopic: string;
  readonly searchDomain: string;
  readonly dashboard: string;
  readonly #operated: string | undefined;

  /** `operated` is the one store that a team deploys, and operates, by itself. */
  constructor(prefix: string, operated?: string) {
    this.prefix = prefix;
    this.#operated = operated;
    this.cluster = this.#of('canonical');
    this.topic = this.#of('changes');
    this.parkedQueue = this.#of('parked');
    this.controlTable = this.#of('control');
    this.alarmTopic = this.#of('alarms');
    this.searchDomain = this.#of('search');
    this.dashboard = prefix;
  }

  /** Throws `contract-invalid` when a store's names are those of another one, or of the pipeline itself. */
  check(stores: readonly string[]): void {
    const taken = new Set(PIPELINE_PARTS);
    for (const store of stores) {
      const own = [store, `${store}-priority`, `${store}-failed`];
      const twice = own.find(name => taken.has(name));
      if (twice === undefined) own.forEach(name => void taken.add(name));
      else {
        const hint = `choose another store_name; the pipeline itself uses ${PIPELINE_PARTS.join(', ')}`;
        throw new DistributaryError('contract-invalid', `store ${store}: the name ${this.#of(twice)} is taken`, {
          hint,
        });
      }
    }
  }

  stack(part: string): string {
    return this.#of(part);
  }

  /** Throws `configuration-invalid` when a store's name is too long for it. */
  function(part: string): string {
    const name = this.#of(part);
    if (name.length <= MAX_FUNCTION_NAME) return name;
    const hint = 'shorten store_name in the contract, or prefix in cdk.json';
    const message = `function name ${name} has ${name.length} characters, Lambda takes ${MAX_FUNCTION_NAME}`;
    throw new DistributaryError('configuration-invalid', message, { hint });
  }

  /** The operations function, which commands are sent to. */
  get operations(): string {
    return this.function(this.#operated === undefined ? 'operate' : `operate-${this.#operated}`);
  }

  queue(store: string, lane: Lane): string {
    return lane === 'standard' ? this.#of(store) : this.#of(`${store}-${lane}`);
  }

  failedQueue(store: string): string {
    return this.#of(`${store}-failed`);
  }

  /** The first table of a store; a rebuild's tables add a dot and what tells them apart. */
  table(store: string): string {
    return this.#of(store);
  }

  /** Of a key of a store's protected fields. */
  keyAlias(store: string, key: string): string {
    return `alias/${this.#of(`${store}-${key}`)}`;
  }

  alarm(of: string, what: string): string {
    return this.#of(`${of}-${what}`);
  }

  #of(part: string): string {
    return `${this.prefix}-${part}`;
  }
}

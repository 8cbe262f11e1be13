import pg from 'pg';
import { DistributaryError } from '../../core/errors.ts';
import { type Caseload, type CaseNow, readCaseload } from './caseload.ts';
import { DEEDS, type Deed } from './deeds.ts';
import { type Dice, dice } from './dice.ts';

export interface WorkloadOptions {
  /** As the role that commands have. */
  readonly database: pg.ClientConfig;
  /** A supervisor of the bureau. */
  readonly actor: string;
  /** Transactions to do. */
  readonly updates: number;
  readonly seed: number;
  readonly onProgress?: (done: number) => void;
  readonly signal?: AbortSignal;
}

/** How many of each kind were done. */
export type WorkloadReport = Readonly<Record<string, number>>;

/** A company is renamed every so many updates; each of its cases follows as a change of its own. */
const RENAME_EVERY = 500;
/** Deeds that fit no case are given up for another after so many tries. */
const MAX_TRIES = 50;
/** Of all updates, how many purge a case; the last ones are spared, so that there is always something to do. */
const PURGE_CHANCE = 0.03;
const SPARED_CASES = 100;

/**
 * Does to the cases what people do: triage, assign, restrict, decide, close, reopen, purge, and now and then rename a
 * company. One transaction after the other, all of them legal, the same ones for the same seed and import.
 */
export async function runWorkload(options: WorkloadOptions): Promise<WorkloadReport> {
  const client = new pg.Client(options.database);
  await client.connect();
  try {
    const load = await inTransaction(client, options.actor, () => readCaseload(client));
    if (load.cases.length === 0 || load.parties.length === 0) {
      throw new DistributaryError('usage', 'the canonical store has no cases', { hint: 'import some first' });
    }
    const workload = new Workload(client, options, load);
    for (let done = 0; done < options.updates && !options.signal?.aborted; done += 1) {
      await workload.step(done);
      options.onProgress?.(done + 1);
    }
    return workload.report;
  } finally {
    await client.end();
  }
}

async function inTransaction<T>(client: pg.Client, actor: string, work: () => Promise<T>): Promise<T> {
  await client.query(`begin; select act_as(${pg.escapeLiteral(actor)})`);
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  }
}

class Workload {
  readonly #client: pg.Client;
  readonly #actor: string;
  readonly #load: Caseload;
  readonly #dice: Dice;
  readonly report: Record<string, number> = {};

  constructor(client: pg.Client, { actor, seed }: WorkloadOptions, load: Caseload) {
    this.#client = client;
    this.#actor = actor;
    this.#load = load;
    this.#dice = dice(seed);
  }

  async step(index: number): Promise<void> {
    if (index % RENAME_EVERY === RENAME_EVERY - 1) return this.#rename();
    if (this.#load.cases.length > SPARED_CASES && this.#dice.chance(PURGE_CHANCE)) return this.#purge();
    const [name, deed, kase] = this.#choose();
    const after = await this.#commit(() => deed.act(this.#client, kase, this.#dice, this.#load));
    Object.assign(kase, after);
    this.#count(name);
  }

  #choose(): readonly [name: string, deed: Deed, kase: CaseNow] {
    for (;;) {
      const [name, deed] = this.#dice.pick(LOTS);
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const kase = this.#dice.pick(this.#load.cases);
        if (deed.fits(kase)) return [name, deed, kase];
      }
    }
  }

  /** The more cases a company has, the likelier it is to be the one. */
  async #rename(): Promise<void> {
    const { tenant } = this.#dice.pick(this.#load.cases);
    const party = this.#load.parties.find(one => one.tenant === tenant)!;
    const name = party.name.endsWith(RENAMED) ? party.name.slice(0, -RENAMED.length) : party.name + RENAMED;
    await this.#commit(() => this.#client.query('update parties set name = $2 where id = $1', [party.id, name]));
    party.name = name;
    this.#count('renamed');
  }

  /** A hold forbids it. */
  async #purge(): Promise<void> {
    const free = this.#load.cases.filter(({ holds }) => holds.length === 0);
    const kase = this.#dice.pick(free);
    await this.#commit(() => this.#client.query('delete from cases where id = $1', [kase.id]));
    this.#load.cases.splice(this.#load.cases.indexOf(kase), 1);
    this.#count('purged');
  }

  #commit<T>(work: () => Promise<T>): Promise<T> {
    return inTransaction(this.#client, this.#actor, work);
  }

  #count(name: string): void {
    this.report[name] = (this.report[name] ?? 0) + 1;
  }
}

const RENAMED = ' (formerly)';

/** Each deed as often as its share. */
const LOTS = Object.entries(DEEDS).flatMap(([name, deed]) =>
  Array.from({ length: deed.share }, () => [name, deed as Deed] as const),
);

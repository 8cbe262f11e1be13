import type { Schedule as ScheduleModel } from '../template/timing.ts';
import type { LocalFunction } from './function.ts';
import { parseTimetable, type Timetable } from './timetable.ts';

/** A function that ran for so long did not fail by its start. */
const RAN_MS = 10_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
/** The longest time that a Node timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Invokes a function when it is due, and again soon after it failed: the next time may be a minute or a day away. */
export class Schedule {
  readonly #model: ScheduleModel;
  readonly #function: LocalFunction;
  readonly #timetable: Timetable;
  #due: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;

  constructor(model: ScheduleModel, target: LocalFunction) {
    this.#model = model;
    this.#function = target;
    this.#timetable = parseTimetable(model.expression);
  }

  start(): void {
    if (!this.#model.enabled) return;
    if (this.#timetable.isDueAtOnce) void this.#run();
    this.#wait(this.#timetable.next(Date.now()));
  }

  stop(): void {
    clearTimeout(this.#due);
    clearTimeout(this.#retry);
    this.#failures = Number.POSITIVE_INFINITY;
  }

  #wait(until: number): void {
    const milliseconds = Math.min(until - Date.now(), MAX_TIMER_MS);
    this.#due = setTimeout(() => {
      if (Date.now() < until) return this.#wait(until);
      void this.#run();
      this.#wait(this.#timetable.next(until));
    }, milliseconds);
  }

  async #run(): Promise<void> {
    const start = Date.now();
    const outcome = await this.#function.invoke(this.#event(start));
    if (outcome === 'throttled' || 'error' in outcome) this.#runAgain(Date.now() - start);
    else this.#failures = 0;
  }

  #runAgain(ranMs: number): void {
    if (this.#failures === Number.POSITIVE_INFINITY) return;
    this.#failures = ranMs > RAN_MS ? 1 : this.#failures + 1;
    clearTimeout(this.#retry);
    const pauseMs = Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), LONGEST_RETRY_MS);
    this.#retry = setTimeout(() => void this.#run(), pauseMs);
  }

  #event(at: number): unknown {
    if (this.#model.input !== undefined) return this.#model.input;
    return {
      version: '0',
      source: 'aws.events',
      'detail-type': 'Scheduled Event',
      time: new Date(at).toISOString(),
      detail: {},
      resources: [this.#model.id],
    };
  }
}

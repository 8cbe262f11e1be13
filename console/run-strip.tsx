import type { Acting } from './actions.ts';
import { cancelAction, pauseAction, resumeAction } from './actions.ts';
import { State, type Tone } from './state.tsx';
import type { Run } from './wire.ts';
import { count, moment, rate, seconds } from './wording.ts';

/** In order; other kinds of runs name their steps themselves. */
const REBUILD_STEPS: Readonly<Record<string, string>> = {
  prepare: 'prepare',
  create: 'create target',
  writers: 'tell writers',
  backfill: 'backfill',
  history: 'history',
  compare: 'compare',
  apart: 'look at the old',
  shadow: 'shadow reads',
  cutover: 'cut over',
  finish: 'tidy up',
};
const STATES: Readonly<Record<Run['state'], { readonly tone: Tone; readonly word: string }>> = {
  running: { tone: 'busy', word: 'running' },
  paused: { tone: 'warning', word: 'paused' },
  failed: { tone: 'bad', word: 'stopped' },
  done: { tone: 'good', word: 'done' },
  cancelled: { tone: 'quiet', word: 'cancelled' },
};
/** Readers are being moved, or have been. */
const TOO_LATE_TO_CANCEL = ['cutover', 'finish'];

/** A run under way: how far, how fast, how much longer, and what can be done with it. */
export function RunStrip({ run, acting }: { readonly run: Run; readonly acting: Acting }) {
  const { operation, store, state, wanted, step, progress, error, actor, reason } = run;
  const { tone, word } = wordsOf(state, wanted);
  return (
    <section class="run" aria-label={`${operation} of ${store}`}>
      <h4>
        {operation} <State tone={tone}>{word}</State>
      </h4>
      {operation === 'rebuild' ? <Steps step={step} /> : <p>{step}</p>}
      {progress.total > 0 && (
        <>
          <progress value={progress.done} max={progress.total} aria-label={`Progress of the ${operation}`} />
          <p class="faint numbers">{progressWords(progress)}</p>
        </>
      )}
      {error && (
        <div class="problem">
          <p>{error.message}</p>
          <p>{error.hint}</p>
        </div>
      )}
      <p class="faint">
        {actor}, {moment(run.startedAt)}: {reason}
      </p>
      {acting.mayAct && <Buttons run={run} acting={acting} />}
    </section>
  );
}

function Steps({ step }: { readonly step: string }) {
  const names = Object.keys(REBUILD_STEPS);
  const now = names.indexOf(step);
  return (
    <ol class="steps">
      {names.map((name, index) => (
        <li key={name} class={index < now ? 'past' : ''} aria-current={index === now ? 'step' : undefined}>
          {REBUILD_STEPS[name]}
        </li>
      ))}
    </ol>
  );
}

function Buttons({ run, acting }: { readonly run: Run; readonly acting: Acting }) {
  const { store, operation, state, wanted, step } = run;
  const isEnding = wanted === 'cancel';
  const isLate = operation === 'rebuild' && TOO_LATE_TO_CANCEL.includes(step);
  return (
    <fieldset class="actions" aria-label={`Actions on the ${operation} of ${store}`}>
      {state === 'running' && (
        <button type="button" disabled={isEnding || wanted === 'pause'} onClick={() => acting.act(pauseAction(run))}>
          Pause …
        </button>
      )}
      {state !== 'running' && (
        <button type="button" disabled={isEnding} onClick={() => acting.act(resumeAction(run))}>
          Resume …
        </button>
      )}
      <button type="button" class="danger" disabled={isEnding || isLate} onClick={() => acting.act(cancelAction(run))}>
        Cancel …
      </button>
    </fieldset>
  );
}

function wordsOf(state: Run['state'], wanted: Run['wanted']): { readonly tone: Tone; readonly word: string } {
  if (wanted === 'cancel') return { tone: 'busy', word: 'being cancelled' };
  if (wanted === 'pause' && state === 'running') return { tone: 'busy', word: 'coming to rest' };
  return STATES[state];
}

function progressWords({ done, total, unit, ratePerSecond }: Run['progress']): string {
  const left = ratePerSecond > 0 && total > done ? `, ${seconds((total - done) / ratePerSecond)} left` : '';
  return `${count(done)} of ${count(total)} ${unit}, ${rate(ratePerSecond)}/s${left}`;
}

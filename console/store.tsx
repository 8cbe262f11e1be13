import { useMemo } from 'preact/hooks';
import type { Acting } from './actions.ts';
import { driftAction, rebuildAction, rollbackAction } from './actions.ts';
import { Curve } from './curve.tsx';
import { RunStrip } from './run-strip.tsx';
import { State, type Tone } from './state.tsx';
import type { DriftReport, Freshness, Lane, Point, RebuildReport, Run, StoreView } from './wire.ts';
import { ago, count, moment, seconds } from './wording.ts';

export interface StoreProps {
  readonly view: StoreView;
  /** Newest first. */
  readonly runs: readonly Run[];
  readonly curve: readonly Point[];
  readonly acting: Acting;
}

const FRESHNESS: Readonly<Record<Freshness, { readonly tone: Tone; readonly word: string }>> = {
  fresh: { tone: 'good', word: 'fresh' },
  behind: { tone: 'warning', word: 'slower than normal' },
  late: { tone: 'bad', word: 'late' },
  silent: { tone: 'quiet', word: 'silent' },
};

const ENGINES: Readonly<Record<string, string>> = {
  opensearch: 'OpenSearch',
  dynamodb: 'DynamoDB',
  s3: 'S3 Parquet',
  's3-object-lock': 'S3, locked',
};

/** One store: how fresh, what waits, what failed, what differs, and what is being done about it. */
export function Store({ view, runs, curve, acting }: StoreProps) {
  const { store, engine, freshness } = view;
  const [current] = runs;
  const isBusy = current !== undefined && !['done', 'cancelled'].includes(current.state);
  const { tone, word } = FRESHNESS[freshness];
  return (
    <article class="store" aria-labelledby={`store-${store}`} data-store={store}>
      <header>
        <h3 id={`store-${store}`}>{store}</h3>
        <p class="faint">
          {ENGINES[engine] ?? engine}
          {view.documents !== undefined && ` · ${count(view.documents)} ${engine === 's3' ? 'rows' : 'documents'}`}
        </p>
        <State tone={tone}>{word}</State>
      </header>
      <div class="facts">
        <FreshnessFact view={view} curve={curve} />
        <QueueFact view={view} />
        <FailedFact view={view} acting={acting} />
        <DriftFact runs={runs} />
        <RebuildFact runs={runs} />
      </div>
      {current && isBusy && <RunStrip run={current} acting={acting} />}
      {acting.mayAct && (
        <fieldset class="actions" aria-label={`Actions on ${store}`}>
          <button type="button" disabled={isBusy} onClick={() => acting.act(driftAction(store))}>
            Compare …
          </button>
          <button type="button" disabled={isBusy} onClick={() => acting.act(rebuildAction(store))}>
            Rebuild …
          </button>
          {canGoBack(runs) && (
            <button type="button" disabled={isBusy} onClick={() => acting.act(rollbackAction(store))}>
              Roll back …
            </button>
          )}
        </fieldset>
      )}
    </article>
  );
}

function FreshnessFact({ view, curve }: Pick<StoreProps, 'view' | 'curve'>) {
  const { store, freshnessSeconds, normalSeconds, maximumSeconds, lag } = view;
  const at = useMemo(() => curve.map(point => point.at), [curve]);
  const values = useMemo(() => curve.map(point => point.freshnessSeconds[store] ?? null), [curve, store]);
  const bounds = [
    { value: normalSeconds, tone: 'normal' as const },
    { value: maximumSeconds, tone: 'maximum' as const },
  ];
  return (
    <section class="fact wide">
      <h4>Age</h4>
      <p class="figure">
        <b>{freshnessSeconds === undefined ? '–' : seconds(freshnessSeconds)}</b>
      </p>
      <Curve at={at} values={values} bounds={bounds} least={Math.min(normalSeconds * 1.5, maximumSeconds)} />
      <p class="faint">
        normal {seconds(normalSeconds)}, at most {seconds(maximumSeconds)}
        {lag && (
          <>
            {' '}
            · a change takes {seconds(lag.p50)}, p95 {seconds(lag.p95)}
          </>
        )}
      </p>
    </section>
  );
}

function QueueFact({ view: { lanes } }: Pick<StoreProps, 'view'>) {
  return (
    <section class="fact">
      <h4>Queues</h4>
      <dl>
        <LaneRow name="standard" lane={lanes.standard} />
        <LaneRow name="priority" lane={lanes.priority} />
      </dl>
    </section>
  );
}

function LaneRow({ name, lane }: { readonly name: string; readonly lane: Lane }) {
  const { visible, delayed, inFlight, oldestSeconds } = lane;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {count(visible + delayed)} waiting
        {inFlight > 0 && `, ${count(inFlight)} taken`}
        {oldestSeconds > 0 && <span class="faint"> oldest {seconds(oldestSeconds)}</span>}
      </dd>
    </div>
  );
}

function FailedFact({ view: { store, failed }, acting }: Pick<StoreProps, 'view' | 'acting'>) {
  return (
    <section class="fact">
      <h4>Failed</h4>
      {failed > 0 ? <State tone="bad">{count(failed)} failed</State> : <State tone="good">none</State>}
      {failed > 0 && (
        <p>
          <button type="button" class="plain" onClick={() => acting.showFailed(store)}>
            Read them<span class="hidden"> for {store}</span>
          </button>
        </p>
      )}
    </section>
  );
}

function DriftFact({ runs }: Pick<StoreProps, 'runs'>) {
  const last = runs.find(({ operation, state }) => operation === 'drift' && state === 'done');
  if (!last) return <Fact title="Drift" state={<State tone="quiet">not compared yet</State>} />;
  const { mismatches, repaired, unsettled, rows, complete } = last.report as DriftReport;
  const left = mismatches - repaired;
  const state =
    left > 0 ? (
      <State tone="bad">{count(left)} differ</State>
    ) : unsettled > 0 ? (
      <State tone="warning">{count(unsettled)} not judged</State>
    ) : (
      <State tone="good">{repaired > 0 ? `${count(repaired)} repaired` : 'none'}</State>
    );
  return (
    <Fact title="Drift" state={state}>
      {count(rows)} compared{!complete && ', not all'}, {ago(last.finishedAt ?? last.startedAt, Date.now())}
    </Fact>
  );
}

function RebuildFact({ runs }: Pick<StoreProps, 'runs'>) {
  const last = lastRebuild(runs);
  if (!last) return <Fact title="Rebuild" state={<State tone="quiet">none so far</State>} />;
  if (last.state !== 'done') {
    const cancelled = last.state === 'cancelled';
    return (
      <Fact
        title="Rebuild"
        state={<State tone={cancelled ? 'quiet' : 'busy'}>{cancelled ? 'cancelled' : 'under way'}</State>}
      >
        {cancelled && ago(last.finishedAt ?? last.startedAt, Date.now())}
      </Fact>
    );
  }
  const { documents, downtimeSeconds, rollbackUntil, missing, extra, mismatched } = last.report as RebuildReport;
  const bad = missing.count + extra.count + mismatched.count;
  return (
    <Fact
      title="Rebuild"
      state={bad === 0 ? <State tone="good">proven equal</State> : <State tone="bad">{count(bad)} differed</State>}
    >
      {count(documents)} documents, downtime {downtimeSeconds === 0 ? '0 s' : seconds(downtimeSeconds)},{' '}
      {ago(last.finishedAt ?? last.startedAt, Date.now())}
      {canGoBack(runs) && rollbackUntil !== null && `; way back until ${moment(Date.parse(rollbackUntil))}`}
    </Fact>
  );
}

function Fact({
  title,
  state,
  children,
}: {
  title: string;
  state: preact.ComponentChild;
  children?: preact.ComponentChildren;
}) {
  return (
    <section class="fact">
      <h4>{title}</h4>
      {state}
      <p class="faint">{children}</p>
    </section>
  );
}

const lastRebuild = (runs: readonly Run[]): Run | undefined => runs.find(({ operation }) => operation === 'rebuild');

/** A later rebuild, even one that was cancelled, has taken the former target away. */
function canGoBack(runs: readonly Run[]): boolean {
  const last = lastRebuild(runs);
  if (last?.state !== 'done') return false;
  const { rollbackUntil } = last.report as RebuildReport;
  return rollbackUntil !== null && Date.parse(rollbackUntil) > Date.now();
}

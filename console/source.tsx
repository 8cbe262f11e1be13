import { useMemo } from 'preact/hooks';
import { Curve } from './curve.tsx';
import { State } from './state.tsx';
import type { Lane, Overview, Point } from './wire.ts';
import { bytes, count, rate, seconds } from './wording.ts';

/** The first stations of the way: where changes are written, what carries them, and what waits. */
export function Source({ overview, curve }: { readonly overview: Overview; readonly curve: readonly Point[] }) {
  const { source, relay, stores } = overview;
  const at = useMemo(() => curve.map(point => point.at), [curve]);
  const rates = useMemo(() => curve.map(point => point.changesPerSecond), [curve]);
  const lanes = stores.flatMap(({ lanes }) => [lanes.standard, lanes.priority]);
  return (
    <section aria-labelledby="path-title">
      <h2 id="path-title">On the way</h2>
      <ol class="path">
        <li class="station">
          <h3>Canonical store</h3>
          <Answers answers={source.answers} />
          <p class="figure">
            <b>{source.changesPerSecond === undefined ? '–' : rate(source.changesPerSecond)}</b> changes/s
          </p>
          <Curve at={at} values={rates} least={1} />
          <p class="faint">
            {source.changes !== undefined && `${count(source.changes)} captured`}
            {(source.dependantsPending ?? 0) > 0 &&
              `, ${count(source.dependantsPending ?? 0)} references to carry along`}
          </p>
        </li>
        <Relay relay={relay} isKnown={relay.slot !== undefined || source.answers !== undefined} />
        <li class="station">
          <h3>Queues</h3>
          {relay.parked > 0 ? (
            <State tone="bad">{count(relay.parked)} parked for good</State>
          ) : (
            <State tone={sum(lanes, waiting) > 0 ? 'busy' : 'good'}>
              {sum(lanes, waiting) > 0 ? 'working' : 'empty'}
            </State>
          )}
          <p class="figure">
            <b>{count(sum(lanes, waiting))}</b> waiting
          </p>
          <p class="faint">
            {count(sum(lanes, ({ inFlight }) => inFlight))} taken, {count(sum(lanes, ({ delayed }) => delayed))} put
            off, oldest {seconds(Math.max(0, ...lanes.map(({ oldestSeconds }) => oldestSeconds)))}
          </p>
        </li>
      </ol>
    </section>
  );
}

function Answers({ answers }: Pick<Overview['source'], 'answers'>) {
  if (answers === undefined) return <State tone="quiet">not heard of yet</State>;
  return answers ? <State tone="good">answers</State> : <State tone="bad">does not answer</State>;
}

function Relay({ relay, isKnown }: Pick<Overview, 'relay'> & { readonly isKnown: boolean }) {
  const { slot, lagSeconds } = relay;
  return (
    <li class="station">
      <h3>Relay</h3>
      {!isKnown ? (
        <State tone="quiet">not heard of yet</State>
      ) : slot?.walStatus === 'lost' ? (
        <State tone="bad">slot lost</State>
      ) : slot?.active ? (
        <State tone="good">streams</State>
      ) : (
        <State tone="bad">does not stream</State>
      )}
      <p class="figure">
        <b>{lagSeconds ? seconds(lagSeconds.p50) : '–'}</b> to publish
      </p>
      <p class="faint">
        {lagSeconds && `p99 ${seconds(lagSeconds.p99)}, `}
        {slot?.lagBytes !== undefined && `${bytes(slot.lagBytes)} behind, `}
        {slot ? `${bytes(slot.retainedBytes)} of WAL retained` : 'no slot is known'}
      </p>
    </li>
  );
}

const waiting = ({ visible, delayed }: Lane): number => visible + delayed;
const sum = (lanes: readonly Lane[], of: (lane: Lane) => number): number =>
  lanes.reduce((total, lane) => total + of(lane), 0);

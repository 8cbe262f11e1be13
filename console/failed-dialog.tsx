import { useCallback, useEffect, useState } from 'preact/hooks';
import { Reason } from './action-dialog.tsx';
import { ask, problemOf } from './asking.ts';
import { Modal } from './modal.tsx';
import type { Failure, Failures, Problem } from './wire.ts';
import { count, counted, moment } from './wording.ts';

export interface FailedDialogProps {
  readonly store: string;
  readonly mayAct: boolean;
  onSaid(text: string): void;
  onClose(): void;
}

const SHOWN = 200;
const EVERY = '';

/** Failed changes with why they failed, never with what is in them; and how to send them back. */
export function FailedDialog({ store, mayAct, onSaid, onClose }: FailedDialogProps) {
  const [found, setFound] = useState<Failures>();
  const [code, setCode] = useState(EVERY);
  const [problem, setProblem] = useState<Problem>();
  const [isAsking, setAsking] = useState(false);
  const load = useCallback(
    () => ask<Failures>('failures.list', { store, limit: SHOWN }).then(setFound, error => setProblem(problemOf(error))),
    [store],
  );
  useEffect(() => void load(), [load]);

  async function redrive(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const reason = new FormData(event.target as HTMLFormElement).get('reason');
    const choice = code === EVERY ? { all: true } : { code };
    setAsking(true);
    try {
      const { sent } = await ask<{ sent: number }>('failures.redrive', { store, reason, ...choice });
      onSaid(`${counted(sent, 'change')} of ${store} sent back`);
      onClose();
    } catch (error) {
      setProblem(problemOf(error));
      setAsking(false);
    }
  }

  const shown = found?.failures.filter(failure => code === EVERY || failure.code === code) ?? [];
  return (
    <Modal title={`Failed changes of ${store}`} isWide onClose={onClose}>
      <p class="faint">What a change says is masked: only why it failed is shown.</p>
      {!found && !problem && <p role="status">Looking through the failed queue …</p>}
      {found && <ReasonFilter found={found} code={code} onChoose={setCode} />}
      {found && <FailureTable failures={shown} />}
      <div role="alert" class="problem">
        {problem && <p>{`${problem.message}: ${problem.hint}`}</p>}
      </div>
      <form onSubmit={event => void redrive(event)}>
        {mayAct && shown.length > 0 && <Reason />}
        <p class="actions">
          <button type="button" onClick={onClose}>
            Close
          </button>
          {mayAct && shown.length > 0 && (
            <button type="submit" class="primary" disabled={isAsking}>
              {code === EVERY ? `Redrive all ${count(found?.total ?? 0)}` : `Redrive ${code}`}
            </button>
          )}
        </p>
      </form>
    </Modal>
  );
}

interface FilterProps {
  readonly found: Failures;
  readonly code: string;
  onChoose(code: string): void;
}

function ReasonFilter({ found: { failures, total }, code, onChoose }: FilterProps) {
  const counts = new Map<string, number>();
  for (const failure of failures) counts.set(failure.code, (counts.get(failure.code) ?? 0) + 1);
  return (
    <label class="field">
      Why
      <select value={code} onChange={event => onChoose(event.currentTarget.value)}>
        <option value={EVERY}>every one ({count(total)})</option>
        {[...counts].map(([name, number]) => (
          <option key={name} value={name}>
            {name} ({count(number)})
          </option>
        ))}
      </select>
    </label>
  );
}

function FailureTable({ failures }: { readonly failures: readonly Failure[] }) {
  if (failures.length === 0) return <p>Nothing has failed.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="scrolls" aria-label="Failed changes" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Why</th>
            <th scope="col">Change</th>
            <th scope="col">Failed</th>
            <th scope="col">Before</th>
          </tr>
        </thead>
        <tbody>
          {failures.map(({ id, code, reason, hint, change, key, failedAt, history }) => (
            <tr key={id}>
              <th scope="row">
                <code>{code}</code>
                <p>{reason}</p>
                <p class="faint">{hint}</p>
              </th>
              <td class="key">{key ?? change ?? 'unknown'}</td>
              <td>{failedAt === undefined ? '–' : moment(Date.parse(failedAt))}</td>
              <td>{history.length === 0 ? 'first time' : counted(history.length, 'time')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

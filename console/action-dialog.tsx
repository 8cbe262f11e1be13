import { useEffect, useState } from 'preact/hooks';
import { problemOf } from './asking.ts';
import { Modal } from './modal.tsx';
import type { Problem } from './wire.ts';

export type Field = { readonly name: string; readonly label: string } & (
  | { readonly kind: 'number'; readonly placeholder: string }
  | { readonly kind: 'switch' }
  | { readonly kind: 'choice'; readonly choices: readonly { readonly value: number; readonly label: string }[] }
);

/** Something that changes something. */
export interface Action {
  readonly title: string;
  /** What the button says. */
  readonly confirm: string;
  readonly isDestructive?: boolean;
  /** What will happen, in sentences. */
  plan(): Promise<readonly string[]>;
  readonly fields?: readonly Field[];
  /** With the reason and the values of the fields. */
  run(values: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** What is said when it has been accepted. */
  readonly done: string;
}

/** Shows the plan, takes the reason, and only then acts. */
export function ActionDialog({ action, onClose }: { readonly action: Action; onClose(outcome?: string): void }) {
  const [plan, setPlan] = useState<readonly string[]>();
  const [problem, setProblem] = useState<Problem>();
  const [isAsking, setAsking] = useState(false);
  useEffect(() => {
    action.plan().then(setPlan, error => setProblem(problemOf(error)));
  }, [action]);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    setAsking(true);
    try {
      await action.run(valuesOf(new FormData(event.target as HTMLFormElement), action.fields ?? []));
      onClose(action.done);
    } catch (error) {
      setProblem(problemOf(error));
      setAsking(false);
    }
  }

  return (
    <Modal title={action.title} onClose={() => onClose()}>
      <form onSubmit={event => void submit(event)}>
        <ul class="plan" aria-label="What will happen" aria-busy={plan === undefined}>
          {plan === undefined && !problem && <li>Looking up the plan …</li>}
          {plan?.map(line => (
            <li key={line}>{line}</li>
          ))}
        </ul>
        {action.fields?.map(field => (
          <Input key={field.name} field={field} />
        ))}
        <Reason />
        <div role="alert" class="problem">
          {problem && (
            <>
              <p>{problem.message}</p>
              <p>{problem.hint}</p>
            </>
          )}
        </div>
        <p class="actions">
          <button type="button" onClick={() => onClose()}>
            Leave it
          </button>
          <button
            type="submit"
            class={action.isDestructive ? 'danger' : 'primary'}
            disabled={plan === undefined || isAsking}
          >
            {action.confirm}
          </button>
        </p>
      </form>
    </Modal>
  );
}

/** Goes into the audit log. */
export function Reason() {
  return (
    <label class="field">
      Reason, for the audit log
      <input name="reason" type="text" required maxLength={1000} autocomplete="off" />
    </label>
  );
}

function Input({ field }: { readonly field: Field }) {
  const { name, label } = field;
  if (field.kind === 'switch') {
    return (
      <label class="field inline">
        <input name={name} type="checkbox" /> {label}
      </label>
    );
  }
  return (
    <label class="field" for={name}>
      {label}
      {field.kind === 'choice' ? (
        <select id={name} name={name}>
          {field.choices.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      ) : (
        <input
          id={name}
          name={name}
          type="number"
          min={1}
          max={1_000_000}
          inputMode="numeric"
          placeholder={field.placeholder}
        />
      )}
    </label>
  );
}

/** An empty number is not sent: then the default holds. */
function valuesOf(form: FormData, fields: readonly Field[]): Record<string, unknown> {
  const values: Record<string, unknown> = { reason: form.get('reason') };
  for (const { name, kind } of fields) {
    const value = form.get(name);
    if (kind === 'switch') values[name] = value !== null;
    else if (value !== '' && value !== null) values[name] = Number(value);
  }
  return values;
}

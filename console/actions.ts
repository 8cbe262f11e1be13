import type { Action } from './action-dialog.tsx';
import { ask } from './asking.ts';
import type { RebuildPlan, Run } from './wire.ts';
import { count, moment } from './wording.ts';

/** What an operator can do: each shows its plan first, takes a reason, and is one request to the operations function. */

/** What the page can be asked to open. */
export interface Acting {
  readonly mayAct: boolean;
  act(action: Action): void;
  showFailed(store: string): void;
}

const planOf = (store: string): Promise<RebuildPlan> => ask('rebuild.plan', { store });

const HOUR = 3600;

export const rebuildAction = (store: string): Action => ({
  title: `Rebuild ${store}`,
  confirm: 'Rebuild',
  async plan() {
    const { current, rows, aggregates, drops, keepsHistory } = await planOf(store);
    return [
      `A new target is made beside ${current}, of ${count(rows)} rows of ${aggregates.join(', ')}. Live changes go to both.`,
      'Readers move in one step, once the new one is proven equal. Nobody reads less meanwhile.',
      'One can go back until the way back ends; it can be cancelled until readers move.',
      ...drops.map(name => `${name}, from before, is removed: there is no way back to it.`),
      ...(keepsHistory ? ['Of its history it takes what the outbox still holds; older versions are lost.'] : []),
    ];
  },
  fields: [
    { name: 'rate', label: 'Rows per second at most', kind: 'number', placeholder: 'as fast as it goes' },
    {
      name: 'rollbackWindowSeconds',
      label: 'Way back for',
      kind: 'choice',
      choices: [
        { value: 24 * HOUR, label: 'a day' },
        { value: HOUR, label: 'an hour' },
        { value: 7 * 24 * HOUR, label: 'a week' },
      ],
    },
  ],
  run: values => ask('rebuild.start', { store, ...values }),
  done: `The rebuild of ${store} has begun`,
});

export const rollbackAction = (store: string): Action => ({
  title: `Roll back ${store}`,
  confirm: 'Move the readers',
  async plan() {
    const { current, drops, rollbackUntil } = await planOf(store);
    const until = rollbackUntil === null ? '' : ` It can be undone the same way until ${moment(rollbackUntil)}.`;
    return [
      `Readers move from ${current} to ${drops.join(', ') || 'nothing'}, at once.`,
      `Both have been fed all the time, so nothing is lost.${until}`,
    ];
  },
  run: values => ask('rebuild.rollback', { store, ...values }),
  done: `The readers of ${store} have been moved`,
});

export const driftAction = (store: string): Action => ({
  title: `Compare ${store}`,
  confirm: 'Compare',
  plan: async () => [
    'Every document is compared with the canonical store, by version and digest. Readers and writers notice nothing.',
    'What is only late is set apart. What differs can be repaired: those are published again, nothing else is touched.',
  ],
  fields: [{ name: 'repair', label: 'Repair what differs', kind: 'switch' }],
  run: values => ask('drift.start', { store, ...values }),
  done: `The comparison of ${store} has begun`,
});

export const pauseAction = ({ store, operation }: Run): Action => ({
  title: `Pause the ${operation} of ${store}`,
  confirm: 'Pause',
  plan: async () => ['It rests at the next point where it can go on. What it has built keeps receiving live changes.'],
  run: values => ask('run.pause', { store, ...values }),
  done: `The ${operation} of ${store} comes to rest`,
});

export const resumeAction = ({ store, operation, step, error }: Run): Action => ({
  title: `Resume the ${operation} of ${store}`,
  confirm: 'Resume',
  plan: async () =>
    isUnproven(error)
      ? ['It compares anew, and asks readers’ questions again: what was mended meanwhile counts.']
      : [`It goes on where it was: ${step}.`],
  ...(isUnproven(error) && {
    fields: [{ name: 'accept', label: 'Cut over although it differs', kind: 'switch' }],
  }),
  run: values => ask('run.resume', { store, ...values }),
  done: `The ${operation} of ${store} goes on`,
});

/** The gate of the cutover is shut until somebody has looked. */
const isUnproven = (error: Run['error']): boolean => error?.code === 'rebuild-unproven';

export const cancelAction = ({ store, operation }: Run): Action => ({
  title: `Cancel the ${operation} of ${store}`,
  confirm: 'Cancel it',
  isDestructive: true,
  plan: async () =>
    operation === 'rebuild'
      ? [
          'The new target is removed, and what it has cost so far is lost.',
          `${store} stays as it was: readers never left it.`,
        ]
      : ['It ends where it is. What it has already done stays.'],
  run: values => ask('run.cancel', { store, ...values }),
  done: `The ${operation} of ${store} is being cancelled`,
});

import type { ComponentChildren } from 'preact';

/** A state is always a colour, a word and a sign: never a colour alone. */
export type Tone = 'good' | 'warning' | 'bad' | 'quiet' | 'busy';

const SIGNS: Readonly<Record<Tone, string>> = {
  good: 'M3 8.5l3.2 3.2L13 4.8',
  warning: 'M8 4v4.5l2.8 1.8M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z',
  bad: 'M8 4.2v4.6M8 11.6v.1M8 1.5l6.8 12.2H1.2z',
  quiet: 'M3.5 8h9',
  busy: 'M13.5 8A5.5 5.5 0 1 1 8 2.5M8 2.5h3.2M8 2.5v3.2',
};

export function State({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return (
    <span class={`state ${tone}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={SIGNS[tone]} />
      </svg>
      {children}
    </span>
  );
}

import { useCallback, useEffect, useState } from 'preact/hooks';
import { type Action, ActionDialog } from './action-dialog.tsx';
import type { Acting } from './actions.ts';
import { FailedDialog } from './failed-dialog.tsx';
import { useLive } from './live.ts';
import { Responsibilities } from './responsibilities.tsx';
import { Search } from './search.tsx';
import { Source } from './source.tsx';
import { State } from './state.tsx';
import { Store } from './store.tsx';
import { useView } from './view.ts';
import type { Look, Overview, Person, Point, Session } from './wire.ts';
import { clock, counted } from './wording.ts';

export interface PageProps {
  readonly person: Person;
  readonly searchAs: Session['searchAs'];
  onSignedOut(): void;
  onSignOut(): void;
}

/** The path of the data, from where it is written to where it is read, and who answers for what. */
export function Page({ person, searchAs, onSignedOut, onSignOut }: PageProps) {
  const { look, curve, trouble } = useLive(onSignedOut);
  const [action, setAction] = useState<Action>();
  const [failedOf, setFailedOf] = useState<string>();
  const [said, setSaid] = useState('');
  const view = useView();
  const mayAct = person.role === 'operator';
  const acting: Acting = { mayAct, act: setAction, showFailed: setFailedOf };
  const closeAction = useCallback((outcome?: string) => {
    setAction(undefined);
    if (outcome !== undefined) setSaid(outcome);
  }, []);
  const closeFailed = useCallback(() => setFailedOf(undefined), []);
  return (
    <>
      <a class="skip" href={view === 'search' ? '#search' : '#stores'}>
        {view === 'search' ? 'Skip to the search' : 'Skip to the stores'}
      </a>
      <header class="top">
        <h1>distributary</h1>
        <nav aria-label="Pages">
          <a href="#path" aria-current={view === 'path' ? 'page' : undefined}>
            Path of the data
          </a>
          <a href="#search" aria-current={view === 'search' ? 'page' : undefined}>
            Search
          </a>
        </nav>
        <p class="person">
          <span>
            {person.name}
            {!mayAct && <em> · may look, not act</em>}
          </span>
          <button type="button" class="plain" onClick={onSignOut}>
            Sign out
          </button>
        </p>
      </header>
      {view === 'search' ? (
        <main id="search">
          <Search as={searchAs} />
        </main>
      ) : (
        <main>
          {look ? <Health overview={look.overview} trouble={trouble} /> : <p class="loading">Looking …</p>}
          {look && <Source overview={look.overview} curve={curve} />}
          {look && <Stores look={look} curve={curve} acting={acting} />}
          <Responsibilities />
        </main>
      )}
      <Said text={said} onOver={() => setSaid('')} />
      {failedOf !== undefined && (
        <FailedDialog store={failedOf} mayAct={mayAct} onSaid={setSaid} onClose={closeFailed} />
      )}
      {action && <ActionDialog key={action.title} action={action} onClose={closeAction} />}
    </>
  );
}

function Stores({ look, curve, acting }: { look: Look; curve: readonly Point[]; acting: Acting }) {
  return (
    <section id="stores" aria-labelledby="stores-title" tabIndex={-1}>
      <h2 id="stores-title">Stores</h2>
      {look.overview.stores.map(view => (
        <Store key={view.store} view={view} runs={look.runs[view.store] ?? []} curve={curve} acting={acting} />
      ))}
    </section>
  );
}

/** The answer to the first question: is all well? Read aloud when it changes, and only then. */
function Health({ overview, trouble }: { readonly overview: Overview; readonly trouble: string | undefined }) {
  const { stores, concerns } = overview;
  const slow = stores.filter(({ freshness }) => freshness === 'behind').length;
  const verdict =
    concerns.length > 0
      ? { tone: 'bad' as const, words: counted(concerns.length, 'concern') }
      : slow > 0
        ? { tone: 'warning' as const, words: `${counted(slow, 'store')} slower than normal, none beyond its contract` }
        : { tone: 'good' as const, words: 'Every store keeps its contract' };
  return (
    <section class="health" aria-label="How it is">
      <div role="status">
        <State tone={trouble === undefined ? verdict.tone : 'warning'}>{trouble ?? verdict.words}</State>
      </div>
      <p class="faint">as of {new Date(overview.at).toLocaleTimeString('en-GB')}</p>
      {concerns.length > 0 && (
        <ul class="concerns">
          {concerns.map(concern => (
            <li key={concern}>{concern}</li>
          ))}
        </ul>
      )}
    </section>
  );
}

const SAID_FOR_MS = 12_000;

/** What came of an action. */
function Said({ text, onOver }: { readonly text: string; readonly onOver: () => void }) {
  useEffect(() => {
    if (text === '') return;
    const timer = setTimeout(onOver, SAID_FOR_MS);
    return () => clearTimeout(timer);
  }, [text, onOver]);
  return (
    <div role="status" class={text === '' ? 'said' : 'said shown'}>
      {text !== '' && `${text} · ${clock(Date.now())}`}
    </div>
  );
}

import { useEffect, useRef, useState } from 'preact/hooks';
import { problemOf, search } from './asking.ts';
import { SearchHits } from './search-hits.tsx';
import { State } from './state.tsx';
import type { PersonRole, Problem, Question, SearchAnswer, Session } from './wire.ts';
import { PERSON_ROLES } from './wire.ts';
import { clock, count, counted, seconds } from './wording.ts';

const PAGE_ROWS = 20;
const EVERY = '';

interface Asked {
  /** Undefined for who is signed in. */
  readonly as: PersonRole | undefined;
  readonly question: Question;
}

/** What a search shows to whom: how fresh it is, what was masked, and what the canonical store took out again. */
export function Search({ as: asks }: { readonly as: Session['searchAs'] }) {
  const [as, setAs] = useState<PersonRole | undefined>(asks === 'role' ? 'investigator' : undefined);
  const [text, setText] = useState('');
  const [status, setStatus] = useState(EVERY);
  const [asked, setAsked] = useState<Asked>();
  const [answer, setAnswer] = useState<SearchAnswer>();
  const [problem, setProblem] = useState<Problem>();
  const latest = useRef(0);

  async function look(next: Asked): Promise<void> {
    const turn = ++latest.current;
    setAsked(next);
    try {
      const found = await search(next.as, next.question);
      if (turn !== latest.current) return;
      setAnswer(found);
      setProblem(undefined);
    } catch (error) {
      if (turn !== latest.current) return;
      setAnswer(undefined);
      setProblem(problemOf(error));
    }
  }
  const begin = (filter: string) => void look({ as, question: questionOf(text, filter) });
  useEffect(() => begin(EVERY), []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    begin(status);
  };
  return (
    <section aria-labelledby="search-title">
      <h2 id="search-title" tabIndex={-1}>
        Search
      </h2>
      {/* biome-ignore lint/a11y/useSemanticElements: <search> is not styled by all browsers that we serve */}
      <form role="search" class="search" onSubmit={submit}>
        <label class="grows">
          Words
          <input
            type="search"
            value={text}
            placeholder="every case"
            onInput={event => setText(event.currentTarget.value)}
          />
        </label>
        <label>
          Status
          <select value={status} onChange={event => setStatus(event.currentTarget.value)}>
            <option value={EVERY}>every</option>
            {statusesOf(answer, status).map(value => (
              <option key={value}>{value}</option>
            ))}
          </select>
        </label>
        {asks === 'role' && (
          <label>
            As
            <select value={as} onChange={event => setAs(event.currentTarget.value as PersonRole)}>
              {PERSON_ROLES.map(role => (
                <option key={role}>{role}</option>
              ))}
            </select>
          </label>
        )}
        <button type="submit" class="primary">
          Search
        </button>
      </form>
      <div role="alert" class="problem">
        {problem && <p>{`${problem.message}: ${problem.hint}`}</p>}
      </div>
      {!answer && !problem && <p class="loading">Searching …</p>}
      {answer && asked && (
        <>
          <Facts answer={answer} as={asked.as ?? 'you'} />
          <SearchHits hits={answer.hits} />
          {answer.cursor !== undefined && (
            <p class="actions">
              <button
                type="button"
                onClick={() => void look({ ...asked, question: { ...asked.question, cursor: answer.cursor } })}
              >
                Next {PAGE_ROWS}
              </button>
            </p>
          )}
        </>
      )}
    </section>
  );
}

const questionOf = (text: string, status: string): Question => ({
  ...(text.trim() !== '' && { text: text.trim() }),
  ...(status !== EVERY && { filter: { field: 'status', is: status } }),
  facets: ['status'],
  size: PAGE_ROWS,
});

/** Those that the last answer counted, and the one that is chosen. */
function statusesOf(answer: SearchAnswer | undefined, chosen: string): readonly string[] {
  const counted = answer?.facets.status?.map(({ value }) => value) ?? [];
  return [...new Set([...counted, ...(chosen === EVERY ? [] : [chosen])])].sort();
}

/** Read aloud with each answer: how many, how fresh, and what is not shown. */
function Facts({ answer, as }: { readonly answer: SearchAnswer; readonly as: PersonRole | 'you' }) {
  const { total, hits, masked, dropped, freshness } = answer;
  const stale = hits.filter(hit => hit.stale).length;
  return (
    <div class="facts answer" role="status">
      <section class="fact">
        <h3>Found, as {as}</h3>
        <p class="figure">
          <b>{count(total)}</b>
        </p>
        <p class="faint">as {freshness.store} counts</p>
      </section>
      <section class="fact">
        <h3>Freshness</h3>
        <FreshnessState freshness={freshness} />
        <p class="faint">{stale === 0 ? 'none of these has changed since' : `${count(stale)} changed since`}</p>
      </section>
      <section class="fact">
        <h3>Masked</h3>
        {masked.length === 0 ? (
          <State tone="good">nothing</State>
        ) : (
          <State tone="quiet">{counted(masked.length, 'field')}</State>
        )}
        <p class="faint">{masked.length === 0 ? `all fields are for ${as}` : masked.join(', ')}</p>
      </section>
      <section class="fact">
        <h3>Dropped by reauthorisation</h3>
        {dropped === 0 ? <State tone="good">none</State> : <State tone="warning">{count(dropped)} of this page</State>}
        <p class="faint">found, and refused by the canonical store just now</p>
      </section>
    </div>
  );
}

function FreshnessState({ freshness }: { readonly freshness: SearchAnswer['freshness'] }) {
  const { watermark, freshness_seconds: age, stale } = freshness;
  if (watermark === null || age === null) return <State tone="quiet">not known yet</State>;
  const tone = stale ? 'warning' : 'good';
  return <State tone={tone}>{`${seconds(age)} old, up to ${clock(Date.parse(watermark))}`}</State>;
}

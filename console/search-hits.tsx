import { State } from './state.tsx';
import type { SearchHit } from './wire.ts';

/** The page of an answer: what the role sees of each case. */
export function SearchHits({ hits }: { readonly hits: readonly SearchHit[] }) {
  if (hits.length === 0) return <p class="loading">No case that this role may see.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="scrolls" aria-label="Cases" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Case</th>
            <th scope="col">Status</th>
            <th scope="col">Company</th>
            <th scope="col">Narrative</th>
            <th scope="col">As stored</th>
          </tr>
        </thead>
        <tbody>
          {hits.map(hit => (
            <Row key={hit.id} hit={hit} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ hit: { id, version, stale, document } }: { readonly hit: SearchHit }) {
  const { title, status, company, narrative, restricted } = document;
  return (
    <tr>
      <th scope="row">
        {words(title) ?? 'without a title'}
        <p class="key faint">{id}</p>
      </th>
      <td>
        {words(status) ?? '–'}
        {restricted === true && (
          <p>
            <State tone="warning">restricted</State>
          </p>
        )}
      </td>
      <td>{words(company) ?? '–'}</td>
      <td>
        {'narrative' in document ? <p class="excerpt">{words(narrative) ?? '–'}</p> : <em class="faint">masked</em>}
      </td>
      <td>
        {stale ? <State tone="warning">changed since</State> : <State tone="good">current</State>}
        <p class="faint">version {version}</p>
      </td>
    </tr>
  );
}

const words = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

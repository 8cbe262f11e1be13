import { useEffect, useState } from 'preact/hooks';
import { read } from './asking.ts';
import type { Responsibility } from './wire.ts';

/** Who answers for which data, and what may be expected of it: out of the contracts. */
export function Responsibilities() {
  const [rows, setRows] = useState<readonly Responsibility[]>();
  useEffect(() => void read<readonly Responsibility[]>('/api/responsibilities').then(setRows, () => setRows([])), []);
  return (
    <section aria-labelledby="responsibilities-title">
      <h2 id="responsibilities-title">Responsibilities</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section class="scrolls" aria-label="Table of responsibilities" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">For</th>
              <th scope="col">Store</th>
              <th scope="col">Owner</th>
              <th scope="col">Consistency</th>
              <th scope="col">Rebuildable</th>
            </tr>
          </thead>
          <tbody>
            {(rows ?? []).map(row => (
              <tr key={`${row.store} ${row.responsibility}`}>
                <th scope="row">{row.responsibility}</th>
                <td>
                  {row.store}
                  <span class="faint"> {row.storeType}</span>
                </td>
                <td>{row.owner}</td>
                <td>{row.consistency}</td>
                <td>{row.rebuildable}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}

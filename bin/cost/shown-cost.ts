import type { CostLine, StoreCost } from '../../core/cost.ts';
import type { Vouched } from '../../core/prices.ts';
import { tableLines } from '../terminal/table.ts';

export interface Shown {
  readonly costs: readonly StoreCost[];
  readonly prices: Vouched;
  readonly region: string;
  readonly measuredOn: string;
  readonly size: string;
}

/** Store by store what a bill would name, then what none does. */
export function costLines({ costs, prices, region, measuredOn, size }: Shown): readonly string[] {
  const rows = costs.flatMap(({ store, lines, dollars }) => [
    ...lines.map((line, index) => ({ store: index === 0 ? store : '', ...shownLine(line) })),
    {
      store: lines.length === 0 ? store : '',
      class: '',
      what: 'a month',
      quantity: '',
      dollars: `$${dollars.toFixed(2)}`,
    },
  ]);
  const total = costs.reduce((sum, { dollars }) => sum + dollars, 0);
  return [
    ...tableLines(rows, [
      { title: 'store', of: ({ store }) => store || ' ' },
      { title: 'direct cost', of: row => row.class || ' ' },
      { title: '', of: ({ what }) => what },
      { title: 'quantity', of: ({ quantity }) => quantity || ' ', align: 'right' },
      { title: 'dollars', of: ({ dollars }) => dollars, align: 'right' },
    ]),
    '',
    `$${total.toFixed(2)} a month at size ${size}: list prices of ${region} as quoted from ${prices.from} to ${prices.to}, requests measured on ${measuredOn}`,
    ...vouchedLines(prices),
    ...costs
      .filter(({ workload }) => !workload)
      .map(({ store }) => `${store}: no workload in its contract, so only what is paid by the hour`),
    '',
    ...costs.flatMap(unbilled),
  ];
}

/** Whoever budgets by it has to know which figures nobody vouches for. */
const vouchedLines = ({ undated, unconfirmed }: Vouched): readonly string[] => [
  ...(unconfirmed.length > 0 ? [`not confirmed, from memory: ${unconfirmed.join(', ')}`] : []),
  ...(undated.length > 0 ? [`confirmed by a page without a date: ${undated.join(', ')}`] : []),
];

const shownLine = ({ class: of, what, quantity, unit, dollars }: CostLine) => ({
  class: of,
  what,
  quantity: `${quantity.toLocaleString('en-US', { maximumSignificantDigits: 3 })} ${unit}`,
  dollars: dollars.toFixed(2),
});

/** The other three classes of 000 §15. */
const unbilled = ({ store, engineering, cognitive, governance }: StoreCost): readonly string[] =>
  Object.entries({ engineering, cognitive, governance }).map(
    ([name, said]) =>
      `${store}, ${name}: ${said ?? `not recorded; add governance.cost.${name} to contracts/stores/${store}.yaml`}`,
  );

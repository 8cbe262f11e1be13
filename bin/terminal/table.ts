import { stripVTControlCharacters } from 'node:util';

/** A cell as it is shown, colour included. A number is set to the right. */
export type Cell = string | number | undefined;

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => Cell;
  /** @default right for numbers, else left */
  readonly align?: 'left' | 'right';
}

const GAP = '  ';
const NOTHING = '–';

/** Lines of a table: a title line, then one per row. What is undefined shows as a dash. */
export function tableLines<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): readonly string[] {
  const shown = columns.map(({ title, of, align }) => {
    const cells = rows.map(of);
    const right = align ? align === 'right' : cells.some(cell => typeof cell === 'number');
    const texts = [title, ...cells.map(text)];
    return { texts, right, width: Math.max(...texts.map(widthOf)) };
  });
  return [...rows.keys(), rows.length].map(line =>
    shown
      .map(({ texts, right, width }) => pad(texts[line]!, width, right))
      .join(GAP)
      .trimEnd(),
  );
}

function text(cell: Cell): string {
  if (cell === undefined || cell === '') return NOTHING;
  return typeof cell === 'number' ? cell.toLocaleString('en-US') : cell;
}

const widthOf = (shown: string): number => stripVTControlCharacters(shown).length;

function pad(shown: string, width: number, right: boolean): string {
  const blank = ' '.repeat(width - widthOf(shown));
  return right ? blank + shown : shown + blank;
}

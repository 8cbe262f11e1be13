import { DistributaryError } from '../../core/errors.ts';

/** The header of the bureau's Consumer Complaint Database, as it is downloaded. */
export const COLUMNS = [
  'Date received',
  'Product',
  'Sub-product',
  'Issue',
  'Sub-issue',
  'Consumer complaint narrative',
  'Company public response',
  'Company',
  'State',
  'ZIP code',
  'Tags',
  'Consumer consent provided?',
  'Submitted via',
  'Date sent to company',
  'Company response to consumer',
  'Timely response?',
  'Consumer disputed?',
  'Complaint ID',
] as const;
export type ColumnName = (typeof COLUMNS)[number];
export type Row = Readonly<Record<ColumnName, string>>;

/** Reads the fields of a record by their names: the columns may stand in any order. */
export type RowReader = (fields: readonly string[]) => Row;

/** Throws `file-invalid` naming every column that is missing, unexpected or there twice. */
export function readHeader(fields: readonly string[], file: string): RowReader {
  const names = fields.map(name => name.trim());
  const missing = COLUMNS.filter(name => !names.includes(name));
  const unexpected = names.filter(name => !(COLUMNS as readonly string[]).includes(name));
  const repeated = names.filter((name, index) => !unexpected.includes(name) && names.indexOf(name) < index);
  const faults = [
    ...(missing.length > 0 ? [`missing columns: ${list(missing)}`] : []),
    ...(unexpected.length > 0 ? [`unexpected columns: ${list(unexpected)}`] : []),
    ...(repeated.length > 0 ? [`repeated columns: ${list(repeated)}`] : []),
  ];
  if (faults.length > 0)
    throw new DistributaryError('file-invalid', `the header does not fit; ${faults.join('; ')}`, {
      place: { file, line: 1 },
    });
  const places = COLUMNS.map(name => [name, names.indexOf(name)] as const);
  return values => Object.fromEntries(places.map(([name, at]) => [name, values[at]])) as Row;
}

/** A file that is something else altogether may have anything for a header. */
const SHOWN_NAMES = 20;
const SHOWN_CHARACTERS = 60;

function list(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_NAMES).map(name => JSON.stringify(name.slice(0, SHOWN_CHARACTERS)));
  return shown.join(', ') + (names.length > SHOWN_NAMES ? `, and ${names.length - SHOWN_NAMES} more` : '');
}

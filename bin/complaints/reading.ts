import { stat } from 'node:fs/promises';
import { DistributaryError } from '../../core/errors.ts';
import { type RowReader, readHeader } from './columns.ts';
import { type Complaint, type Defect, readComplaint } from './complaint.ts';
import { type CsvRecord, recordsOf } from './records.ts';

/** A row that is left out. */
export interface BadRow {
  /** Of the file, where the record starts. */
  readonly line: number;
  /** All that is wrong with it; without a column, of the row as a whole. */
  readonly defects: readonly (Defect | { readonly reason: string })[];
}

/** One row of the file. `end` counts the bytes of the file up to and including it. */
export type Row = { readonly line: number; readonly end: number } & (
  | { readonly kind: 'complaint'; readonly complaint: Complaint }
  | { readonly kind: 'bad'; readonly defects: BadRow['defects'] }
);

/** The rows of a file in the bureau's format, one at a time. Throws `file-invalid` for a file that is no such CSV. */
export async function* complaintsOf(file: string): AsyncGenerator<Row> {
  let readRow: RowReader | undefined;
  for await (const record of recordsOf(file)) {
    if (readRow) yield rowOf(record, readRow);
    else readRow = headerOf(record, file);
  }
  if (!readRow) throw new DistributaryError('file-invalid', 'the file is empty', { place: { file } });
}

function headerOf(record: CsvRecord, file: string): RowReader {
  if (record.kind === 'fields') return readHeader(record.fields, file);
  throw new DistributaryError('file-invalid', `the header ${record.reason}`, { place: { file, line: record.line } });
}

function rowOf(record: CsvRecord, readRow: RowReader): Row {
  const place = { line: record.line, end: record.end };
  if (record.kind === 'broken') return { ...place, kind: 'bad', defects: [{ reason: record.reason }] };
  const reading = readComplaint(readRow(record.fields));
  if (reading.kind === 'complaint') return { ...place, kind: 'complaint', complaint: reading.complaint };
  return { ...place, kind: 'bad', defects: reading.defects };
}

/** Throws `file-invalid` unless the file is there and has the bureau's header. Returns its size in bytes. */
export async function checkFile(file: string): Promise<number> {
  const rows = complaintsOf(file);
  await rows.next();
  await rows.return(undefined);
  return (await stat(file)).size;
}

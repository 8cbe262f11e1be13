import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { DistributaryError } from '../../core/errors.ts';

export interface Line {
  /** Counted from 1, as an editor does. */
  readonly number: number;
  /** Without its line feed; empty if it was too long to keep. */
  readonly text: string;
  /** Bytes of the file up to and including it. */
  readonly end: number;
  /** Why the record that it belongs to cannot be taken. */
  readonly defect?: string;
}

/** The bureau's longest narratives are about 33 kB; a line beyond this is no complaint. */
export const MAX_LINE_BYTES = 1024 * 1024;
const READ_BYTES = 256 * 1024;
const LINE_FEED = 0x0a;

/** A file's lines, one piece of it in memory at a time. Throws `file-invalid` when it cannot be read. */
export async function* linesOf(file: string): AsyncGenerator<Line> {
  let number = 0;
  let end = 0;
  let open = Buffer.alloc(0);
  /** Bytes of a line that is too long, which are not kept. */
  let dropped = 0;
  const finish = (last: Buffer, feed: number): Line => {
    const bytes = dropped + open.length + last.length;
    const whole = open.length > 0 ? Buffer.concat([open, last]) : last;
    end += bytes + feed;
    number += 1;
    const line = lineOf({ number, end }, whole, bytes);
    open = Buffer.alloc(0);
    dropped = 0;
    return line;
  };

  for await (const piece of readPieces(file)) {
    let from = 0;
    for (let feed = piece.indexOf(LINE_FEED); feed >= 0; feed = piece.indexOf(LINE_FEED, from)) {
      yield finish(piece.subarray(from, feed), 1);
      from = feed + 1;
    }
    const rest = piece.subarray(from);
    if (open.length + rest.length <= MAX_LINE_BYTES) open = Buffer.concat([open, rest]);
    else dropped += rest.length;
  }
  if (open.length + dropped > 0) yield finish(Buffer.alloc(0), 0);
}

function lineOf(place: { number: number; end: number }, bytes: Buffer, length: number): Line {
  if (length > MAX_LINE_BYTES)
    return { ...place, text: '', defect: `line ${place.number} has ${length} bytes, more than ${MAX_LINE_BYTES}` };
  const text = place.number === 1 ? bytes.toString('utf8').replace(/^\ufeff/, '') : bytes.toString('utf8');
  if (!isUtf8(bytes)) return { ...place, text, defect: `line ${place.number} is no UTF-8` };
  if (text.includes('\0')) return { ...place, text, defect: `line ${place.number} has a NUL character` };
  return { ...place, text };
}

async function* readPieces(file: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(file, { highWaterMark: READ_BYTES }) as AsyncIterable<Buffer>;
  } catch (cause) {
    const hint = 'name a readable CSV file of the Consumer Complaint Database';
    const { message } = cause as NodeJS.ErrnoException;
    throw new DistributaryError('file-invalid', `cannot be read: ${message}`, { place: { file }, hint, cause });
  }
}

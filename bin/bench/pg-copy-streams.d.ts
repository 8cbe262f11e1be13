/** It has no types of its own; this is all that we use of it. */
declare module 'pg-copy-streams' {
  import type { Readable } from 'node:stream';
  import type { Submittable } from 'pg';

  /** The bytes of a `COPY … TO STDOUT`. */
  export function to(text: string): Readable & Submittable;
}

import { digestOfScan, digestsOfScan, hullOf, inRange } from '../../core/digest.ts';
import { DistributaryError } from '../../core/errors.ts';
import {
  APPLIED,
  type KeyRange,
  type Outcome,
  STALE,
  type Store,
  type Stored,
  type Target,
  type Write,
} from '../../core/store.ts';
import type { AggregateId } from '../../core/version.ts';

/** Small enough that a test may cross it, large enough that no other test does. */
const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** A document is kept as its JSON text, so that nobody's later change of an object reaches into the store. */
type Row = Omit<Stored, 'document'> & { readonly text: string };

/** The port's promises in their simplest form: what every other engine is compared with. Lost with the process. */
export function memoryStore(): Store {
  const targets = new Map<string, Map<AggregateId, Row>>();
  let current: Target | undefined;

  function rowsOf({ name }: Target): Map<AggregateId, Row> {
    const rows = targets.get(name);
    if (rows === undefined) throw new DistributaryError('target-missing', `target ${name} does not exist`);
    return rows;
  }

  async function* scan(target: Target, range: KeyRange): AsyncGenerator<Stored> {
    const rows = rowsOf(target);
    for (const key of [...rows.keys()].filter(key => inRange(key, range)).sort()) yield storedOf(rows.get(key)!);
  }

  return {
    engine: 'memory',
    maxDocumentBytes: MAX_DOCUMENT_BYTES,
    visibleAfterSeconds: 0,
    keepsHistory: false,

    async write(target, writes) {
      const rows = targets.get(target.name);
      if (rows !== undefined) return writes.map(write => apply(rows, write));
      const error = new DistributaryError('target-missing', `target ${target.name} does not exist`);
      return writes.map(() => ({ kind: 'unavailable', error }));
    },
    async read(target, key) {
      const row = rowsOf(target).get(key);
      return row && storedOf(row);
    },
    scan,
    digest: (target, range) => digestOfScan(scan(target, range)),
    digests: (target, ranges) => digestsOfScan(scan(target, hullOf(ranges)), ranges),

    async inspect(target) {
      rowsOf(target);
      return [];
    },

    async create({ name }) {
      if (!targets.has(name)) targets.set(name, new Map());
    },
    async cutOver(to) {
      rowsOf(to);
      current = to;
    },
    async withdraw() {
      current = undefined;
    },
    async current() {
      return current;
    },
    async drop({ name }) {
      if (name === current?.name) throw new DistributaryError('target-current', `readers of ${name} would see nothing`);
      targets.delete(name);
    },
  };
}

function apply(rows: Map<AggregateId, Row>, { document, ...rest }: Write): Outcome {
  const text = JSON.stringify(document);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_DOCUMENT_BYTES) {
    const message = `document ${rest.key} has ${bytes} bytes, the store takes ${MAX_DOCUMENT_BYTES}`;
    return { kind: 'refused', error: new DistributaryError('document-too-large', message) };
  }
  if ((rows.get(rest.key)?.version ?? 0) >= rest.version) return STALE;
  rows.set(rest.key, { ...rest, text });
  return APPLIED;
}

const storedOf = ({ text, ...rest }: Row): Stored => ({ ...rest, document: JSON.parse(text) });

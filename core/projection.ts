import type { AggregateContract } from './aggregate-contract.ts';
import { stateValidator, upcast } from './aggregate-state.ts';
import type { Json, JsonObject, ResolvedChange, StateChange } from './change.ts';
import { DistributaryError } from './errors.ts';
import type { AnyProjector } from './projector.ts';
import type { Write } from './store.ts';
import type { ProjectedContract } from './store-contract.ts';

/** Everything that makes a store's documents, as it is bundled into its function. */
export interface Definition {
  readonly contract: ProjectedContract;
  readonly aggregates: readonly AggregateContract[];
  /** One per aggregate at most; without one, the contract's field list makes the document. */
  readonly projectors: readonly AnyProjector[];
}

/** What to write for a change. Throws a `DistributaryError` whose code says that repeating cannot help. */
export type Projection = (change: ResolvedChange) => Write;

export function projection({ contract, aggregates, projectors }: Definition): Projection {
  const known = new Set(Object.keys(contract.fields));
  const fields = copyFields(contract);
  const byAggregate = new Map(
    aggregates.map(aggregate => [
      aggregate.aggregate,
      {
        readState: stateReader(aggregate),
        project: projectors.find(({ on }) => on === aggregate.aggregate)?.project ?? fields,
      },
    ]),
  );
  return change => {
    const { key, tenant, version, digest, committedAt } = change;
    const write = { key, tenant, version, digest, committedAt };
    if (change.kind === 'deleted') return { ...write, document: null };
    const aggregate = byAggregate.get(change.aggregate);
    if (!aggregate)
      throw new DistributaryError(
        'change-malformed',
        `store ${contract.store_name} does not project ${change.aggregate}`,
      );
    const state = aggregate.readState(change);
    const document = attempt(() => aggregate.project(state, { key, tenant, fields }));
    return { ...write, document: document === null ? null : checked(document, known) };
  };
}

/** The state as the current version of its schema, checked. */
function stateReader(aggregate: AggregateContract): (change: StateChange) => JsonObject {
  const faultsOf = stateValidator(aggregate);
  return ({ state, schemaVersion }) => {
    const current = upcast(aggregate, state, schemaVersion);
    const faults = faultsOf(current);
    if (faults.length === 0) return current;
    const what = faults.map(({ pointer, message }) => `${pointer || 'state'} ${message}`).join('; ');
    throw new DistributaryError('state-invalid', what);
  };
}

function attempt(project: () => JsonObject | null): JsonObject | null {
  try {
    return project();
  } catch (cause) {
    // The message of what was thrown may quote the state; its kind and its place in the code do not.
    const kind = cause instanceof Error ? cause.name : typeof cause;
    throw new DistributaryError('projector-threw', `projector threw ${kind}`, { cause });
  }
}

/** A field that the contract does not name would be stored without a type, a mask or an owner. */
function checked(document: unknown, known: ReadonlySet<string>): JsonObject {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new DistributaryError(
      'document-invalid',
      `projector returned ${Array.isArray(document) ? 'an array' : typeof document}`,
    );
  }
  const unknown = Object.keys(document).filter(name => !known.has(name));
  if (unknown.length > 0)
    throw new DistributaryError('document-invalid', `fields not in the contract: ${unknown.join(', ')}`);
  return document as JsonObject;
}

/** `from: parties.name` reads through lists: the names of all parties. A field whose source is absent is left out. */
function copyFields({ fields }: ProjectedContract): (state: object) => JsonObject {
  const sources = Object.entries(fields).map(([name, { from = name }]) => [name, readerOf(from.split('.'))] as const);
  return state => {
    const document: Record<string, Json> = {};
    for (const [name, read] of sources) {
      const value = read(state as JsonObject);
      if (value !== undefined) document[name] = value;
    }
    return document;
  };
}

type Reader = (value: Json | undefined) => Json | undefined;

/** Made once for each field: it runs for each document. */
function readerOf([step, ...rest]: readonly string[]): Reader {
  if (step === undefined) return value => value;
  const next = readerOf(rest);
  const read: Reader = value => {
    if (value === undefined || value === null) return value;
    if (Array.isArray(value)) return value.flatMap(item => read(item) ?? []);
    return next((value as JsonObject)[step]);
  };
  return read;
}

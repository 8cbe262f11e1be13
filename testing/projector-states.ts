import type { AggregateContract, Group, Property } from '../core/aggregate-contract.ts';
import type { Json, JsonObject } from '../core/change.ts';
import type { Definition } from '../core/projection.ts';
import type { AnyProjector } from '../core/projector.ts';

/** The state with every free text as long as this. */
export const withLongTexts = ({ current }: AggregateContract, state: JsonObject, characters: number): JsonObject =>
  filledGroup(current, state, 'x'.repeat(characters));

const filledGroup = ({ properties }: Group, state: JsonObject, text: string): JsonObject =>
  Object.fromEntries(
    Object.entries(state).map(([name, value]) => [name, filled(properties[name]!, value, text)] as const),
  );

function filled(property: Property, value: Json, text: string): Json {
  const { type, format, pattern, enum: allowed, items, properties } = property;
  if (properties && value !== null) return filledGroup({ properties }, value as JsonObject, text);
  if (items && Array.isArray(value)) {
    return value.map(item =>
      'type' in items ? filled(items, item, text) : filledGroup(items, item as JsonObject, text),
    );
  }
  const isFree = [type].flat().includes('string') && (format ?? pattern ?? allowed) === undefined;
  return isFree ? text : value;
}

/** The first property's name one version ago, in a contract of which today's is the newer version. */
const FORMER = 'former_name';

/** The same projector after the aggregate's schema took one more step: a property got another name. */
export function withNewerSchema(definition: Definition, aggregate: AggregateContract): Definition {
  const [first = ''] = Object.keys(aggregate.current.properties);
  const current = {
    number: aggregate.current.number + 1,
    properties: aggregate.current.properties,
    upcast: [{ move: { from: FORMER, to: first } }],
  };
  const newer = { ...aggregate, versions: [...aggregate.versions, current], current };
  return { ...definition, aggregates: [newer] };
}

/** The state as it was written before that step. */
export function asFormerly({ current }: AggregateContract, state: JsonObject): JsonObject {
  const [first = ''] = Object.keys(current.properties);
  const { [first]: value = null, ...others } = state;
  return { [FORMER]: value, ...others };
}

/** The same definition with this in the place of the aggregate's projector. */
export function withProjector(
  definition: Definition,
  { aggregate }: AggregateContract,
  wrap: (project: AnyProjector['project']) => AnyProjector['project'],
): Definition {
  const own = definition.projectors.find(({ on }) => on === aggregate);
  const project = wrap(own?.project ?? ((state, { fields }) => fields(state)));
  const others = definition.projectors.filter(({ on }) => on !== aggregate);
  return { ...definition, projectors: [...others, { store: definition.contract.store_name, on: aggregate, project }] };
}

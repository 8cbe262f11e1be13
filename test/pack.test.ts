import fc from 'fast-check';
import { DistributaryError } from '../core/errors.ts';
import {
  type ChangeHeader,
  type Content,
  decodePack,
  encodeChange,
  encodeHeartbeat,
  encodePack,
} from '../core/pack.ts';
import type { AggregateId, TenantId, Version } from '../core/version.ts';

const header = fc.record({
  aggregate: fc.constantFrom('case', 'party'),
  change: fc.constantFrom('created', 'restricted', 'evidence-changed'),
  key: fc.uuid().map(text => text as AggregateId),
  tenant: fc.uuid().map(text => text as TenantId),
  version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).map(number => number as Version),
  digest: fc.integer({ min: 0, max: 0xffffffff }),
  lane: fc.constantFrom('standard', 'priority') as fc.Arbitrary<'standard' | 'priority'>,
  schemaVersion: fc.integer({ min: 1, max: 9999 }),
  committedAt: fc.integer({ min: 0, max: 4_000_000_000_000 }),
});

test('what is packed is unpacked the same, whatever the state holds', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(header, fc.dictionary(fc.string(), fc.jsonValue())), { minLength: 1, maxLength: 5 }),
      changes => {
        const unpacked = decodePack(
          encodePack(changes.map(([head, state]) => encodeChange(head, { state: JSON.stringify(state) }))),
        );
        expect(unpacked.map(item => item.kind === 'change' && item.change)).toEqual(
          changes.map(([head, state]) => ({
            kind: 'state',
            id: `${head.version}@${head.key}`,
            ...head,
            state: JSON.parse(JSON.stringify(state)),
          })),
        );
      },
    ),
  );
});

const SAMPLE: ChangeHeader = fc.sample(header, { numRuns: 1, seed: 1 })[0]!;
const one = (content: Content, more: Partial<ChangeHeader> = {}) =>
  decodePack(encodePack([encodeChange({ ...SAMPLE, ...more }, content)]))[0]!;

test('a deletion, a state by reference, a trace and a heartbeat survive the way', () => {
  expect(one({ deleted: true })).toMatchObject({ kind: 'change', change: { kind: 'deleted', key: SAMPLE.key } });
  expect(one({ dataref: 's3://bucket/a/b' })).toMatchObject({
    kind: 'change',
    change: { kind: 'parked', dataref: 's3://bucket/a/b' },
  });
  expect(one({ state: '{}' }, { traceparent: '00-ab-cd-01' })).toMatchObject({
    change: { traceparent: '00-ab-cd-01' },
  });
  expect(decodePack(encodeHeartbeat({ kind: 'heartbeat', lane: 'priority', committedAt: 1234 }))).toEqual([
    { kind: 'heartbeat', heartbeat: { kind: 'heartbeat', lane: 'priority', committedAt: 1234 } },
  ]);
});

test('an event is valid CloudEvents 1.0: required attributes, lower-case names, strings', () => {
  const [event] = JSON.parse(encodePack([encodeChange(SAMPLE, { state: '{"a":1}' })])) as Record<string, unknown>[];
  expect(event).toMatchObject({
    specversion: '1.0',
    source: '/distributary/canonical',
    subject: SAMPLE.key,
    data: { a: 1 },
  });
  const { data: _, ...attributes } = event!;
  for (const [name, value] of Object.entries(attributes)) {
    expect(name).toMatch(/^[a-z0-9]{1,20}$/);
    expect(typeof value).toBe('string');
  }
});

test.each(['not json', '{"a":1}', '"text"', ''])('a message that is no batch is refused whole: %s', body => {
  expect(() => decodePack(body)).toThrow(DistributaryError);
});

test.each([
  ['no tenant', { tenant: undefined }, /tenant/],
  ['a key that is no UUID', { subject: 'x', id: `${SAMPLE.version}@x` }, /key: is no lower-case UUID/],
  ['a key that was changed', { subject: '00000000-0000-4000-8000-0000000000ff' }, /^id: is of another key/],
  ['a version that was changed', { sequence: '1' }, /^id: is of another key or version/],
  ['a version that is no number', { sequence: 'first' }, /sequence/],
  ['an unknown lane', { lane: 'express' }, /lane/],
  ['another version of CloudEvents', { specversion: '0.3' }, /specversion/],
  ['a state that is a list', { data: [1] }, /state: is no object/],
])('an event with %s is set apart with its reason, and its neighbours land', (_, fault, message) => {
  const good = encodeChange(SAMPLE, { state: '{"secret":"hunter2"}' });
  const bad = JSON.stringify({ ...JSON.parse(good), ...fault });
  const [first, second] = decodePack(encodePack([bad, good]));
  expect(first).toMatchObject({
    kind: 'malformed',
    error: { code: 'change-malformed', message: expect.stringMatching(message) },
  });
  expect(JSON.stringify(first?.kind === 'malformed' && first.error.message)).not.toContain('hunter2');
  expect(second?.kind).toBe('change');
});

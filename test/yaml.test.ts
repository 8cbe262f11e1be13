import { z } from 'zod';
import { DistributaryError } from '../core/errors.ts';
import { type Defect, defectAt, FileDefects, parseYaml } from '../core/yaml.ts';

const schema = z.strictObject({
  store_name: z.string(),
  role: z.enum(['projection', 'cache']),
  limits: z.strictObject({ batch: z.int().min(1) }),
  fields: z.record(z.string().regex(/^[a-z]+$/, 'is no lower-case word'), z.strictObject({ from: z.string() })),
  rule: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('one') }),
    z.strictObject({ kind: z.literal('two') }),
  ]),
  when: z.union([z.literal('always'), z.strictObject({ column: z.string() })]),
});

const good = `store_name: s
role: cache
limits:
  batch: 3
fields:
  title: { from: state }
rule: { kind: one }
when: always
`;

function defectsOf(text: string, rules?: () => Defect[]) {
  try {
    parseYaml(schema, text, 'a.yaml', rules);
  } catch (error) {
    expect(error).toBeInstanceOf(FileDefects);
    return (error as FileDefects).defects.map(({ code, message, hint, place }) => ({
      code,
      message,
      hint,
      at: `${place?.line}:${place?.column}`,
    }));
  }
  return [];
}

test('a good file comes back as its value', () => {
  expect(parseYaml(schema, good, 'a.yaml').limits.batch).toBe(3);
});

test.each([
  ['an unknown key', ['  batch: 3', '  batch: 3\n  bacth: 4'], '5:3', 'unknown key "bacth"', 'did you mean "batch"'],
  [
    'a wrong word',
    ['role: cache', 'role: projektion'],
    '2:7',
    'unknown role "projektion"',
    'did you mean "projection"',
  ],
  ['a wrong type', ['batch: 3', 'batch: many'], '4:10', 'limits.batch is "many"', 'of type number'],
  ['a number too small', ['batch: 3', 'batch: 0'], '4:10', 'limits.batch is 0: ', 'correct the contract'],
  ['a missing key', ['  batch: 3', '  {}'], '3:1', 'limits.batch is missing', 'add it'],
  ['a key of the wrong form', ['title:', 'Title:'], '6:3', 'key "Title" is no lower-case word', 'correct the contract'],
  ['an unknown kind', ['kind: one', 'kind: three'], '7:15', 'unknown kind "three"', 'allowed values: one, two'],
  ['a defect within a choice', ['when: always', 'when: { colunm: x }'], '8:9', 'unknown key "colunm"', '"column"'],
] as const)('%s is told with its line, value and hint', (_, [from, to], at, message, hint) => {
  const defects = defectsOf(good.replace(from, to));
  expect(defects.map(defect => defect.at)).toContain(at);
  const defect = defects.find(one => one.at === at && one.message.startsWith(message))!;
  expect(defect).toMatchObject({ code: 'contract-invalid' });
  expect(defect.hint).toContain(hint);
});

test('all defects of a file are told at once, in the order of its lines', () => {
  const defects = defectsOf(good.replace('role: cache', 'role: x').replace('batch: 3', 'batch: x').replace('one', 'x'));
  expect(defects.map(defect => defect.at)).toEqual(['2:7', '4:10', '7:15']);
});

test('text that is no YAML is unreadable, at its line', () => {
  expect(defectsOf('role: [cache\nlimits: 1')[0]).toMatchObject({ code: 'contract-unreadable', at: '2:1' });
  expect(defectsOf(`${good}role: cache\n`)[0]).toMatchObject({ code: 'contract-unreadable', at: '9:1' });
  expect(defectsOf('role: *none\n')[0]).toMatchObject({ code: 'contract-unreadable' });
  expect(defectsOf('')[0]).toMatchObject({ code: 'contract-invalid', at: '1:1' });
});

test('a rule across fields raises its own defects', () => {
  const defects = defectsOf(good, () => [
    defectAt(['limits', 'batch'], 'batch is more than the store takes'),
    defectAt(['rule', 'speed'], 'rule has no speed'),
  ]);
  expect(defects.map(defect => defect.at)).toEqual(['4:10', '7:1']);
});

test('the description lists every defect with file, line and hint', () => {
  try {
    parseYaml(schema, good.replace('cache', 'x').replace('3', '-1'), 'contracts/a.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(DistributaryError);
    const text = (error as DistributaryError).describe();
    expect(text).toContain('contracts/a.yaml:2:7: unknown role "x"');
    expect(text).toContain('contracts/a.yaml:4:10: limits.batch is -1');
    expect(text.match(/hint: /g)).toHaveLength(2);
  }
  expect.assertions(4);
});

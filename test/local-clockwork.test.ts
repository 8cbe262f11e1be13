import { type AlarmState, Alarms } from '../local/runtime/alarms.ts';
import { MetricStore, statisticOf } from '../local/runtime/metrics.ts';
import { parseTimetable } from '../local/runtime/timetable.ts';
import type { Alarm } from '../local/template/alarming.ts';

const at = (text: string) => Date.parse(`${text}Z`);

test.each([
  ['cron(0 3 * * ? *)', '2026-03-01T03:00', '2026-03-02T03:00'],
  ['cron(15,45 * * * ? *)', '2026-03-01T03:15', '2026-03-01T03:45'],
  ['cron(0/20 8-10 ? * MON-FRI *)', '2026-03-06T10:40', '2026-03-09T08:00'],
  ['cron(0 0 29 2 ? *)', '2026-03-01T00:00', '2028-02-29T00:00'],
  ['cron(30 6 1 JAN,JUL ? 2026-2027)', '2026-01-01T06:30', '2026-07-01T06:30'],
  ['rate(1 minute)', '2026-03-01T03:00', '2026-03-01T03:01'],
  ['rate(2 days)', '2026-03-01T03:00', '2026-03-03T03:00'],
])('%s is due after %s at %s', (expression, after, due) => {
  expect(parseTimetable(expression).next(at(after))).toBe(at(due));
});

test('a rate begins at once, a cron at its time', () => {
  expect(parseTimetable('rate(5 minutes)').isDueAtOnce).toBe(true);
  expect(parseTimetable('cron(0 3 * * ? *)').isDueAtOnce).toBe(false);
});

test.each(['rate(1 fortnight)', 'cron(0 3 * *)', 'cron(0 3 L * ? *)', 'at(2026-01-01T00:00:00)'])(
  '%s is refused',
  text => {
    expect(() => parseTimetable(text)).toThrow(expect.objectContaining({ code: 'template-unsupported' }));
  },
);

const NOW = at('2026-03-01T03:00');
const LAG = { namespace: 'app', name: 'lag', dimensions: { store: 's', lane: 'l' } };

test('a line of embedded metric format is a metric by each of its dimension sets', () => {
  const metrics = new MetricStore();
  metrics.recordLine('{"message":"no metric here"}');
  metrics.recordLine('{"_aws": not json');
  metrics.recordLine(
    JSON.stringify({
      _aws: {
        Timestamp: NOW,
        CloudWatchMetrics: [
          { Namespace: 'app', Dimensions: [['store', 'lane'], []], Metrics: [{ Name: 'lag' }, { Name: 'missing' }] },
        ],
      },
      store: 's',
      lane: 'l',
      lag: [1, 2, 3],
    }),
  );
  expect(metrics.summary(LAG, NOW, NOW + 1)).toMatchObject({ count: 3, sum: 6, min: 1, max: 3 });
  expect(metrics.summary({ ...LAG, dimensions: {} }, NOW, NOW + 1)).toMatchObject({ count: 3 });
  expect(metrics.metrics()).toHaveLength(2);
});

test('percentiles of very many values stay near the truth', () => {
  const metrics = new MetricStore();
  for (let value = 1; value <= 100_000; value++) metrics.record(LAG, value, NOW);
  const summary = metrics.summary(LAG, NOW, NOW + 1)!;
  expect(statisticOf(summary, 'Average')).toBe(50_000.5);
  expect(statisticOf(summary, 'SampleCount')).toBe(100_000);
  // A sample of 500 puts the p90 within 5 of its standard errors.
  expect(Math.abs(statisticOf(summary, 'p90') - 90_000)).toBeLessThan(6_700);
});

test('the newest hour is kept, whatever order values come in', () => {
  const metrics = new MetricStore();
  for (let minute = 0; minute < 120; minute++) metrics.record(LAG, minute, NOW + minute * 60_000);
  metrics.record(LAG, -1, NOW + 100 * 60_000);
  const all = metrics.summary(LAG, 0, Number.POSITIVE_INFINITY)!;
  expect(all).toMatchObject({ min: -1, max: 119 });
  expect(all.count).toBeLessThanOrEqual(360);
});

const alarm = (more: Partial<Alarm>): Alarm => ({
  id: 'App/Alarm',
  name: 'alarm',
  description: '',
  metric: { Namespace: LAG.namespace, MetricName: LAG.name, Dimensions: LAG.dimensions },
  statistic: 'Maximum',
  periodSeconds: 60,
  evaluationPeriods: 3,
  datapointsToAlarm: 2,
  threshold: 10,
  comparison: 'GreaterThanThreshold',
  missing: 'missing',
  ...more,
});

/** The alarm's state after minutes with these values each, undefined where nothing was measured. */
function stateAfter(values: readonly (number | undefined)[], more: Partial<Alarm> = {}): AlarmState {
  const metrics = new MetricStore();
  const alarms = new Alarms([alarm(more)], metrics, NOW);
  values.forEach((value, minute) => {
    if (value !== undefined) metrics.record(LAG, value, NOW + minute * 60_000 + 30_000);
    alarms.evaluate(NOW + (minute + 1) * 60_000);
  });
  return alarms.statuses[0]!.state;
}

test.each<[string, (number | undefined)[], Partial<Alarm>, AlarmState]>([
  ['two of three periods above', [20, 1, 20], {}, 'ALARM'],
  ['one of three periods above', [1, 20, 1], {}, 'OK'],
  ['those that are long past', [20, 20, 1, 1, 1], {}, 'OK'],
  ['a value at the threshold', [10, 10, 10], {}, 'OK'],
  ['a value at an inclusive threshold', [10, 10], { comparison: 'GreaterThanOrEqualToThreshold' }, 'ALARM'],
  ['a value below', [1, 1], { comparison: 'LessThanThreshold' }, 'ALARM'],
  ['silence', [undefined, undefined, undefined], {}, 'INSUFFICIENT_DATA'],
  ['silence that is fine', [undefined], { missing: 'notBreaching' }, 'OK'],
  ['silence that is not', [undefined, undefined], { missing: 'breaching' }, 'ALARM'],
  ['silence at the start', [undefined], { missing: 'breaching' }, 'INSUFFICIENT_DATA'],
  ['silence after an alarm', [20, 20, undefined, undefined, undefined], { missing: 'notBreaching' }, 'OK'],
  ['a sum', [11], { statistic: 'Sum', datapointsToAlarm: 1 }, 'ALARM'],
])('an alarm over %s is in the right state', (_, values, more, state) => {
  expect(stateAfter(values, more)).toBe(state);
});

test('an evaluation tells what begins or ceases to ring, once', () => {
  const metrics = new MetricStore();
  const alarms = new Alarms([alarm({ datapointsToAlarm: 1 })], metrics, NOW);
  metrics.record(LAG, 20, NOW + 1_000);
  expect(alarms.evaluate(NOW + 2_000)).toMatchObject([{ name: 'alarm', state: 'ALARM', value: 20 }]);
  expect(alarms.evaluate(NOW + 3_000)).toEqual([]);
  metrics.record(LAG, 1, NOW + 61_000);
  expect(alarms.evaluate(NOW + 250_000)).toMatchObject([{ state: 'INSUFFICIENT_DATA' }]);
  metrics.record(LAG, 1, NOW + 251_000);
  expect(alarms.evaluate(NOW + 252_000)).toEqual([]);
});

test('silence rings only when a whole period has been silent', () => {
  const alarms = new Alarms([alarm({ datapointsToAlarm: 1, missing: 'breaching' })], new MetricStore(), NOW);
  expect(alarms.evaluate(NOW + 5_000)).toEqual([]);
  expect(alarms.evaluate(NOW + 59_000)).toEqual([]);
  expect(alarms.evaluate(NOW + 60_000)).toMatchObject([{ state: 'ALARM' }]);
});

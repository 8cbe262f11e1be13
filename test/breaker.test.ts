import { Breaker, deferralSeconds } from '../core/breaker.ts';

test('a breaker opens after the third failure in a row, for ever longer, and one success closes it', () => {
  const breaker = new Breaker();
  breaker.failed(0);
  breaker.failed(0);
  expect(breaker.pauseSeconds(0)).toBe(0);
  breaker.failed(0);
  expect(breaker.pauseSeconds(0)).toBe(1);
  expect(breaker.pauseSeconds(1000)).toBe(0);
  breaker.failed(1000);
  expect(breaker.pauseSeconds(1000)).toBe(2);
  for (let n = 0; n < 20; n++) breaker.failed(5000);
  expect(breaker.pauseSeconds(5000)).toBe(30);
  breaker.succeeded();
  expect(breaker.pauseSeconds(5000)).toBe(0);
});

test('deferrals double up to a minute, spread by up to a half', () => {
  const longest = [0, 1, 2, 3, 6, 50].map(count => deferralSeconds(count, () => 1));
  const shortest = [0, 1, 2, 3, 6, 50].map(count => deferralSeconds(count, () => 0));
  expect(longest).toEqual([1, 2, 4, 8, 60, 60]);
  expect(shortest).toEqual([1, 1, 2, 4, 30, 30]);
});

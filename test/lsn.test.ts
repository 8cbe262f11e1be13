import fc from 'fast-check';
import { compareLsn, formatLsn, type Lsn, laterLsn, NO_LSN, parseLsn } from '../core/lsn.ts';

test('a position reads back as PostgreSQL printed it', () => {
  expect(parseLsn('16/B374D848')).toBe(0x16_b374_d848n);
  expect(formatLsn(0x16_b374_d848n as Lsn)).toBe('16/B374D848');
  expect(formatLsn(NO_LSN)).toBe('0/0');
  expect(parseLsn('FFFFFFFF/FFFFFFFF')).toBe(2n ** 64n - 1n);
});

test('every position survives printing and reading', () => {
  const anyLsn = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  fc.assert(fc.property(anyLsn, lsn => parseLsn(formatLsn(lsn as Lsn)) === lsn));
});

test.each(['', '16', '16/', '/B3', '16/B3/1', '16/123456789', 'G/0', '-1/0'])('"%s" is no position', text => {
  expect(() => parseLsn(text)).toThrow(RangeError);
});

test('positions are ordered as numbers, not as text', () => {
  const [early, late] = [parseLsn('9/0'), parseLsn('10/0')];
  expect([late, early].sort(compareLsn)).toEqual([early, late]);
  expect(compareLsn(early, early)).toBe(0);
  expect(laterLsn(early, late)).toBe(late);
});

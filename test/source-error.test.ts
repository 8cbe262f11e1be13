import pg from 'pg';
import { DistributaryError } from '../core/errors.ts';
import { asSourceError } from '../functions/relay/source-error.ts';

/** An error as `pg` makes it of what the server said. Those that the embedded server can say itself are in replication.local.ts. */
function said(code: string, message: string, detail?: string): Error {
  return Object.assign(new pg.DatabaseError(message, 0, 'error'), { code, detail });
}
const socketError = (code: string) => Object.assign(new Error(`connect ${code} 10.0.0.1:5432`), { code });

test.each([
  ['source-read-only', said('55000', 'replication slots cannot be used on RO (Read Only) node')],
  ['source-read-only', said('55000', 'recovery is in progress')],
  ['source-read-only', said('25006', 'cannot execute INSERT in a read-only transaction')],
  [
    'slot-lost',
    said(
      '55000',
      'can no longer get changes from replication slot "relay"',
      'This slot has been invalidated because it exceeded the maximum reserved size.',
    ),
  ],
  ['slot-lost', said('42704', 'replication slot "relay" does not exist')],
  ['publication-unusable', said('42704', 'publication "changes" does not exist')],
  ['slot-active', said('55006', 'replication slot "relay" is active for PID 7')],
  ['source-unavailable', said('57P03', 'the database system is starting up')],
  ['source-unavailable', said('53300', 'number of requested standby connections exceeds max_wal_senders')],
  ['source-unavailable', said('08006', 'connection failure')],
  ['source-unavailable', socketError('ECONNREFUSED')],
  ['source-unavailable', socketError('ENOTFOUND')],
  ['source-unavailable', new Error('Connection terminated unexpectedly')],
])('%s: %s', (code, error) => {
  expect(asSourceError(error)).toMatchObject({ code, cause: error, message: expect.stringContaining(error.message) });
});

test.each([
  said('28P01', 'password authentication failed for user "relay"'),
  said('42501', 'permission denied to start WAL sender'),
  said('55000', 'logical decoding requires "wal_level" >= "logical"'),
  new DistributaryError('publish-failed', 'the topic is gone'),
  new TypeError('no function'),
])('stays what it is: %s', error => {
  expect(asSourceError(error)).toBe(error);
});

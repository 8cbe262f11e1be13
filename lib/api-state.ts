import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { API_STATE_KEYS as KEYS } from '../core/api-state-keys.ts';
import type { BundledFunction } from './bundled-function.ts';

type Verb = 'GetItem' | 'PutItem' | 'UpdateItem' | 'DeleteItem';

/** What each function may do with the table `api-state`: by its keys, for one function's are none of another's concern. */
export function allowState(
  table: Pick<TableV2, 'tableArn'>,
  fn: BundledFunction,
  part: 'commands' | 'queries' | 'console',
): void {
  const allow = (verbs: readonly Verb[], key: string) =>
    fn.allow(
      verbs.map(verb => `dynamodb:${verb}`),
      [table.tableArn],
      { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [key] } },
    );
  allow(['GetItem'], KEYS.issuer);
  if (part === 'console') {
    allow(['GetItem', 'PutItem', 'DeleteItem'], `${KEYS.sessions}#*`);
    return;
  }
  allow(['UpdateItem'], `${KEYS.rates}#*`);
  if (part === 'queries') allow(['GetItem', 'PutItem'], KEYS.cursor);
  else allow(['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'], `${KEYS.requests}#*`);
}

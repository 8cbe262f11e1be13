import { InvalidArgumentError, Option } from 'commander';
import type { DynamoChoice } from '../../local/dynamodb.ts';
import type { SearchChoice } from '../../local/search/index.ts';

/** Which engines a local mode runs on. */
export interface EngineOptions {
  readonly search: SearchChoice;
  readonly dynamodb: DynamoChoice;
}

export const engineOptions = (): readonly Option[] => [
  new Option('--search <engine>', 'OpenSearch, the embedded stand-in, or what this machine has')
    .choices(['auto', 'real', 'embedded'] satisfies SearchChoice[])
    .default('auto'),
  new Option('--dynamodb <engine>', "Amazon's DynamoDB Local, or dynalite")
    .choices(['dynalite', 'real'] satisfies DynamoChoice[])
    .default('dynalite'),
];

/** For `argParser`: a whole number from `least` to `most`. */
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It is no whole number from ${least} to ${most}.`);
  };

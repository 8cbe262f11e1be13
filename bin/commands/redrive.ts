import { SQSClient } from '@aws-sdk/client-sqs';
import { Option } from 'commander';
import { DistributaryError } from '../../core/errors.ts';
import { hintOf } from '../../core/yaml.ts';
import { type Endpoints, readEndpoints, type StoreEndpoints } from '../../local/endpoints.ts';
import { type Command, EXIT } from '../command.ts';
import { type Failure, redrive } from '../redrive/failed-messages.ts';
import { tableLines } from '../terminal/table.ts';
import { counted } from '../terminal/wording.ts';
import { dataDirOption } from './data-dir.ts';

interface RedriveOptions {
  readonly dataDir: string;
  readonly all?: true;
  readonly code?: string;
  readonly key?: string;
}

interface Reason {
  readonly code: string;
  readonly hint: string;
  count: number;
  example: Failure;
}

export const redriveCommand: Command<RedriveOptions> = {
  usage: 'redrive <store>',
  summary: "list why a store's changes failed, and send them back",
  description: `Without --all, --code or --key it only lists the reasons. What is sent back goes through the projector again:
what still fails returns with its reason, what was overtaken falls out by its version. Exits 1 when failed changes remain.`,
  examples: [
    { line: 'distributary redrive case-search', what: 'the reasons, most frequent first' },
    { line: 'distributary redrive case-search --code projector-threw', what: 'after the projector was corrected' },
    { line: 'distributary redrive case-search --all', what: 'everything' },
  ],
  options: [
    dataDirOption(),
    new Option('--all', 'send back every failed change').conflicts(['code', 'key']),
    new Option('--code <code>', 'send back what failed with this error code'),
    new Option('--key <uuid>', 'send back what failed of this aggregate'),
  ],

  async run([store = ''], { dataDir, all, code, key }, { terminal, json }) {
    const endpoints = readEndpoints(dataDir);
    const queues = queuesOf(endpoints, store);
    const reasons = new Map<string, Reason>();
    const chosen = (failure: Failure): boolean => {
      const wanted = (!code || failure.code === code) && (!key || failure.key === key);
      if ((all ?? Boolean(code ?? key)) && wanted) return true;
      count(reasons, failure);
      return false;
    };
    const sqs = new SQSClient({
      endpoint: endpoints.sqs,
      region: endpoints.region,
      credentials: { ...endpoints.credentials },
    });
    const sent = await redrive(sqs, { from: queues.failedQueueUrl, to: queues.queueUrl }, chosen).finally(() =>
      sqs.destroy(),
    );
    const left = [...reasons.values()].sort((a, b) => b.count - a.count);
    if (json) terminal.print(JSON.stringify({ store, sent, left }));
    else for (const line of reportLines(store, sent, left)) terminal.print(line);
    return left.length > 0 ? EXIT.found : EXIT.fine;
  },
};

function queuesOf({ stores }: Endpoints, store: string): StoreEndpoints {
  const found = stores[store];
  if (found) return found;
  throw new DistributaryError('usage', `no store "${store}" runs here`, {
    hint: hintOf(store, Object.keys(stores), 'stores'),
  });
}

function count(reasons: Map<string, Reason>, failure: Failure): void {
  const { code, hint } = failure;
  const reason = reasons.get(code) ?? { code, hint, count: 0, example: failure };
  reason.count += 1;
  reasons.set(code, reason);
}

function reportLines(store: string, sent: number, left: readonly Reason[]): readonly string[] {
  const lines = sent > 0 ? [`${counted(sent, 'change')} sent back to ${store}`] : [];
  if (left.length === 0) return sent > 0 ? lines : [`nothing has failed in ${store}`];
  const table = tableLines(left, [
    { title: 'failed', of: ({ count }) => count },
    { title: 'code', of: ({ code }) => code },
    { title: 'for example', of: ({ example }) => [example.change, example.key].filter(Boolean).join(' ') },
    { title: 'reason', of: ({ example }) => example.reason },
  ]);
  return [...lines, ...table, ...left.map(({ code, hint }) => `${code}: ${hint}`)];
}

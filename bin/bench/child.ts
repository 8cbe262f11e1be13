import { fork } from 'node:child_process';

type Answer = { readonly report: unknown } | { readonly error: string };

/** A process of the bench's own that does one thing at a time for it. */
export interface Child {
  ask<Report>(order: object): Promise<Report>;
  close(): void;
}

/** Starts one; it ends when this process does, however that ends. */
export function startChild(file: string, execArgv: readonly string[] = []): Child {
  const child = fork(file, { execArgv: [...execArgv] });
  return {
    ask: <Report>(order: object) =>
      new Promise<Report>((resolve, reject) => {
        const gone = (code: number | null) => reject(new Error(`${file} ended with ${code}`));
        child.once('exit', gone);
        child.once('message', (answer: Answer) => {
          child.off('exit', gone);
          if ('report' in answer) resolve(answer.report as Report);
          else reject(new Error(answer.error));
        });
        child.send(order);
      }),
    close: () => void child.kill(),
  };
}

/** The other side: in the process itself. */
export function answerOrders<Order>(work: (order: Order) => Promise<unknown>): void {
  const answer = (content: Answer) => process.send?.(content);
  process.on('message', (order: Order) => {
    work(order).then(
      report => answer({ report }),
      error => answer({ error: String(error?.stack ?? error) }),
    );
  });
  process.on('disconnect', () => process.exit());
}

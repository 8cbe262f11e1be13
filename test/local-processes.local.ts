import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startAws } from '../local/aws.ts';
import { openDataFolder } from '../local/data-folder.ts';
import { allotPorts } from '../local/ports.ts';
import { isAlive } from '../local/process-life.ts';
import { KeptServer, type ServerEvent } from '../local/processes.ts';
import { bootstrap, cleanUp, folder, modelOf, PLACES, TIMEOUT_MS, undo, uniqueName, until } from './local-fixture.ts';

cleanUp();

describe('a data folder', () => {
  test(
    'is for one process at a time, and free again when that was killed',
    async () => {
      const home = join(folder, uniqueName('data'));
      const script = `
      import { openDataFolder } from ${JSON.stringify(join(import.meta.dirname, '../local/data-folder.ts'))};
      openDataFolder(${JSON.stringify(home)}); console.log('has it'); setInterval(() => {}, 1000);`;
      const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      await new Promise(resolve => holder.stdout.once('data', resolve));
      const inUse = expect.objectContaining({
        code: 'folder-in-use',
        message: expect.stringContaining(String(holder.pid)),
      });
      expect(() => openDataFolder(home)).toThrow(inUse);
      holder.kill('SIGKILL');
      await new Promise(resolve => holder.once('exit', resolve));
      openDataFolder(home).close();
    },
    TIMEOUT_MS,
  );

  test('remembers its ports, and takes others when they are taken', async () => {
    const data = openDataFolder(join(folder, uniqueName('data')));
    undo(() => data.close());
    const first = await allotPorts(data, ['one', 'two'], {});
    expect(await allotPorts(data, ['one', 'two'], {})).toEqual(first);
    const { createServer } = await import('node:net');
    const rival = createServer();
    await new Promise<void>(resolve => rival.listen(first.one, '127.0.0.1', resolve));
    undo(() => rival.close());
    const second = await allotPorts(data, ['one', 'two'], {});
    expect(second).toEqual({ one: expect.any(Number), two: first.two });
    expect(second.one).not.toBe(first.one);
    await expect(allotPorts(data, ['one'], { one: first.one })).rejects.toMatchObject({ code: 'port-taken' });
  });

  test('starts over when asked to', () => {
    const home = join(folder, uniqueName('data'));
    const before = openDataFolder(home);
    writeFileSync(join(before.folder('postgres'), 'row'), '');
    before.close();
    const after = openDataFolder(home, { fresh: true });
    undo(() => after.close());
    const { existsSync } = process.getBuiltinModule('node:fs');
    expect(existsSync(join(home, 'postgres'))).toBe(false);
  });
});

test(
  'a server that dies is started again, at the same place, with a word about it',
  async () => {
    const dataDir = join(folder, uniqueName('aws'));
    const events: ServerEvent[] = [];
    let port = 0;
    const start = async () => {
      const aws = await startAws({ dataDir, port });
      port = Number(new URL(aws.endpoint).port);
      return aws;
    };
    const kept = await KeptServer.start('aws', start, event => events.push(event));
    undo(() => kept.stop());
    const { pid, endpoint } = kept.server;
    process.kill(pid, 'SIGKILL');
    await until(() => kept.restarts === 1, 'it is up again');
    expect(kept.server.endpoint).toBe(endpoint);
    expect(kept.server.pid).not.toBe(pid);
    expect(events.map(({ kind }) => kind)).toEqual(['died', 'restarted']);
    await kept.stop();
    expect(events).toHaveLength(2);
  },
  TIMEOUT_MS,
);

test(
  'nothing is left running when the process that started it is killed',
  async () => {
    const model = modelOf('export const handler = () => new Promise(() => setInterval(() => {}, 1000));');
    const here = (file: string) => JSON.stringify(join(import.meta.dirname, '../local', file));
    const script = `
    import { startAws } from ${here('aws.ts')};
    import { LocalFunction } from ${here('runtime/function.ts')};
    import { functionEnvironment } from ${here('function-environment.ts')};
    import { MetricStore } from ${here('runtime/metrics.ts')};
    const model = ${JSON.stringify(model)};
    const aws = await startAws({ dataDir: ${JSON.stringify(join(folder, uniqueName('aws')))} });
    const fn = new LocalFunction({ model, bootstrap: ${JSON.stringify(bootstrap)}, maximumRetries: 0, metrics: new MetricStore(),
      environment: () => functionEnvironment(model, ${JSON.stringify(PLACES)}), log: { write() {}, close() {} } });
    fn.invoke({});
    const look = setInterval(() => {
      const [instance] = fn.instances;
      if (!instance?.isRunning || !instance.memory.rssBytes) return;
      clearInterval(look);
      console.log(JSON.stringify([aws.pid, instance.pid]));
    }, 50);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { value: line } = await createInterface(parent.stdout)[Symbol.asyncIterator]().next();
    const pids: number[] = JSON.parse(line ?? '[]');
    expect(pids.every(isAlive)).toBe(true);
    parent.kill('SIGKILL');
    await until(() => !pids.some(isAlive), 'its children are gone', 5_000);
  },
  TIMEOUT_MS,
);

import { type AddressInfo, createServer } from 'node:net';
import { z } from 'zod';
import { DistributaryError } from '../core/errors.ts';
import type { DataFolder } from './data-folder.ts';

export const SERVER_NAMES = [
  'postgres',
  'aws',
  'dynamodb',
  'search',
  'cache',
  'control',
  'issuer',
  'api',
  'console',
  'deployedConsole',
] as const;
export type Ports = Readonly<Record<(typeof SERVER_NAMES)[number], number>>;

const HOST = '127.0.0.1';
const portsSchema = z.record(z.string(), z.number());

/**
 * A port for each server: the one that was asked for, else the one it had last time, so that a client's settings stay
 * right, else the preferred one, else a free one. Throws `port-taken` for one that was asked for.
 */
export async function allotPorts<Name extends string>(
  data: DataFolder,
  names: readonly Name[],
  asked: Partial<Record<Name, number>>,
  preferred: Partial<Record<Name, number>> = {},
): Promise<Record<Name, number>> {
  const remembered = data.read('ports.json', portsSchema) ?? {};
  const ports: Partial<Record<Name, number>> = {};
  for (const name of names) ports[name] = await allot(name, asked[name], remembered[name] ?? preferred[name]);
  data.write('ports.json', ports);
  return ports as Record<Name, number>;
}

async function allot(name: string, asked: number | undefined, remembered: number | undefined): Promise<number> {
  if (asked !== undefined && asked !== 0) {
    if ((await tryPort(asked)) !== undefined) return asked;
    throw new DistributaryError('port-taken', `port ${asked} on ${HOST}, asked for ${name}, is taken`);
  }
  const again = remembered === undefined ? undefined : await tryPort(remembered);
  return again ?? (await tryPort(0))!;
}

/** The port, or undefined when it is taken; 0 stands for any. */
function tryPort(port: number): Promise<number | undefined> {
  return new Promise(found => {
    const server = createServer().once('error', () => found(undefined));
    server.listen(port, HOST, () => {
      const { port: bound } = server.address() as AddressInfo;
      server.close(() => found(bound));
    });
  });
}

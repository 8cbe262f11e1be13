import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import type { CloudFormationCustomResourceEvent, Context } from 'aws-lambda';
import { DistributaryError } from '../core/errors.ts';
import { customResource, type OnEvent } from '../functions/custom-resource.ts';

/** CloudFormation's side: an address that takes answers. */
let server: Server;
let received: { body: Record<string, unknown>; contentType: string | undefined }[] = [];
let status = 200;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const body = JSON.parse((await request.toArray()).join(''));
    received.push({ body, contentType: request.headers['content-type'] });
    response.writeHead(status).end();
  });
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
});
afterAll(() => new Promise(closed => server.close(closed)));
beforeEach(() => {
  jest.spyOn(console, 'error').mockImplementation(() => {});
  received = [];
  status = 200;
});

const context = (remaining = 60_000) =>
  ({ getRemainingTimeInMillis: () => remaining, logStreamName: 'the-stream' }) as unknown as Context;

function event(more: Partial<CloudFormationCustomResourceEvent>): CloudFormationCustomResourceEvent {
  const { port } = server.address() as AddressInfo;
  return {
    RequestType: 'Create',
    ResponseURL: `http://127.0.0.1:${port}/answer?signature=x`,
    StackId: 'arn:stack',
    RequestId: 'request-1',
    LogicalResourceId: 'Applied',
    ResourceType: 'Custom::Thing',
    ServiceToken: 'arn:function',
    ResourceProperties: { ServiceToken: 'arn:function' },
    ...more,
  } as CloudFormationCustomResourceEvent;
}

async function answerTo(onEvent: OnEvent, more: Partial<CloudFormationCustomResourceEvent> = {}, remaining?: number) {
  await customResource(onEvent)(event(more), context(remaining));
  expect(received).toHaveLength(1);
  expect(received[0]).toMatchObject({
    contentType: '',
    body: { StackId: 'arn:stack', RequestId: 'request-1', LogicalResourceId: 'Applied' },
  });
  return received[0]!.body;
}

test('a step that succeeds is answered with its name and its values', async () => {
  const body = await answerTo(async () => ({ PhysicalResourceId: 'schema', Data: { applied: '7' } }));
  expect(body).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'schema', Data: { applied: '7' } });
});

test('a resource keeps its name through an update that gives none', async () => {
  const more = { RequestType: 'Update', PhysicalResourceId: 'schema' } as const;
  expect(await answerTo(async () => undefined, more)).toMatchObject({
    Status: 'SUCCESS',
    PhysicalResourceId: 'schema',
  });
});

test('a step that fails says why, what to do, and where the log is', async () => {
  const failing = async () => {
    throw new DistributaryError('target-missing', 'index case-search.1.1 does not exist');
  };
  const body = await answerTo(failing);
  expect(body.Status).toBe('FAILED');
  expect(body.Reason).toMatch(/case-search\.1\.1 does not exist[\s\S]*hint: [\s\S]*the-stream/);
});

test('a creation that failed can be deleted without calling the step', async () => {
  const created = await answerTo(() => Promise.reject(new Error('no')));
  received = [];
  const PhysicalResourceId = String(created.PhysicalResourceId);
  const never = () => Promise.reject(new Error('called'));
  const body = await answerTo(never, { RequestType: 'Delete', PhysicalResourceId } as object);
  expect(body).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId });
});

test('a step that would outlive its function is answered before the end', async () => {
  const body = await answerTo(() => new Promise(() => {}), {}, 3_100);
  expect(body).toMatchObject({ Status: 'FAILED', Reason: expect.stringContaining('not done after 100 ms') });
});

test('a reason fits what CloudFormation takes', async () => {
  const body = await answerTo(() => Promise.reject(new Error('x'.repeat(10_000))));
  expect(JSON.stringify(body).length).toBeLessThan(4096);
});

test('an answer that is refused fails the function, so that the log shows it', async () => {
  status = 403;
  await expect(customResource(async () => undefined)(event({}), context())).rejects.toThrow('refused the answer: 403');
});

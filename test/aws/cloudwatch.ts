import { CREDENTIALS, REGION } from './emulator.ts';

/**
 * The few calls of CloudWatch that the tests make, in its query protocol. The signature only names the service, which is
 * how an emulator finds it; none checks more.
 */
export async function cloudWatch(
  endpoint: string,
  action: 'PutMetricData' | 'DescribeAlarms',
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  const credential = `${CREDENTIALS.accessKeyId}/${day}/${REGION}/monitoring/aws4_request`;
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=none`,
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    },
    body: new URLSearchParams({ Action: action, Version: '2010-08-01', ...parameters }).toString(),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${action}: ${answer.status} ${text}`);
  return text;
}

export interface Alarm {
  readonly state: string;
  readonly threshold: number;
}

export async function alarmNamed(endpoint: string, name: string): Promise<Alarm> {
  const answer = await cloudWatch(endpoint, 'DescribeAlarms', { 'AlarmNames.member.1': name });
  const read = (element: string): string => new RegExp(`<${element}>([^<]*)</${element}>`).exec(answer)?.[1] ?? '';
  return { state: read('StateValue'), threshold: Number(read('Threshold')) };
}

import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';

/** What API Gateway brings, as the door takes it; `origin` is the console's own, whatever host the event names. */
export function requestOf(event: APIGatewayProxyEventV2, origin: string): Request {
  const { rawPath, rawQueryString, cookies, body, isBase64Encoded } = event;
  const { method } = event.requestContext.http;
  const headers = new Headers();
  for (const [name, value] of Object.entries(event.headers)) if (value !== undefined) headers.set(name, value);
  // API Gateway takes them apart.
  if (cookies) headers.set('cookie', cookies.join('; '));
  const url = new URL(origin);
  url.pathname = rawPath;
  url.search = rawQueryString;
  const hasBody = method !== 'GET' && method !== 'HEAD' && body !== undefined;
  return new Request(url, {
    method,
    headers,
    ...(hasBody && { body: isBase64Encoded ? Buffer.from(body, 'base64') : body }),
  });
}

/** The door's answer, as API Gateway takes it: whole, and no longer than Lambda's 6 MB, which no look comes near. */
export async function resultOf(response: Response): Promise<APIGatewayProxyStructuredResultV2> {
  const headers = Object.fromEntries([...response.headers].filter(([name]) => name !== 'set-cookie'));
  return {
    statusCode: response.status,
    headers,
    cookies: response.headers.getSetCookie(),
    body: await response.text(),
  };
}

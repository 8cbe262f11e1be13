import { DistributaryError, type ErrorCode } from '../../core/errors.ts';

/**
 * Nothing but what came with the page runs, paints or is asked: no inline script or style, no other host. Nobody frames it,
 * and a string never becomes markup.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  // Browsers heed it over TLS only.
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

export const respond = (
  body: string | ReadableStream | null,
  type: string,
  { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): Response => new Response(body, { status, headers: { ...HEADERS, ...headers, 'content-type': type } });

export const json = (value: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  respond(JSON.stringify(value), 'application/json', { status, headers });

/** An error as the operations function answers one, so that the page reads one form only. */
export function refuse(status: number, code: ErrorCode, message: string): Response {
  const { hint } = new DistributaryError(code, message);
  return json({ ok: false, error: { code, message, hint } }, status);
}

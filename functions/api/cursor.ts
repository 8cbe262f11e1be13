import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import type { Standing } from '../../core/policy.ts';
import { Problem } from './problem.ts';

const MAX_CURSOR_CHARACTERS = 2048;
const positionSchema = z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])).max(8);
export type Position = z.infer<typeof positionSchema>;

/**
 * Where a page ended, for the caller to give back. Signed for who asked and what was asked: a cursor of somebody else, of
 * another query, of a former role or made up is refused. It gives no rights, for the filter is not part of it.
 */
export class Cursors {
  readonly #key: () => Promise<Uint8Array>;

  constructor(key: () => Promise<Uint8Array>) {
    this.#key = key;
  }

  async write(standing: Standing, question: object, position: Position): Promise<string> {
    const text = Buffer.from(JSON.stringify(position)).toString('base64url');
    return `${text}.${(await this.#sign(standing, question, text)).toString('base64url')}`;
  }

  async read(standing: Standing, question: object, cursor: string): Promise<Position> {
    const [text = '', signature = '', more] = cursor.length > MAX_CURSOR_CHARACTERS ? [] : cursor.split('.');
    const given = Buffer.from(signature, 'base64url');
    const right = await this.#sign(standing, question, text);
    if (more !== undefined || given.length !== right.length || !timingSafeEqual(given, right)) {
      throw new Problem('request-invalid', 'the cursor is none of this query', {
        errors: [{ pointer: '/cursor', detail: 'take the one of the page before, for the same query' }],
      });
    }
    return positionSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
  }

  async #sign({ user, role, tenant }: Standing, question: object, text: string): Promise<Buffer> {
    const asked = createHash('sha256').update(JSON.stringify(question)).digest('hex');
    return createHmac('sha256', await this.#key())
      .update([user, role, tenant ?? '', asked, text].join('\n'))
      .digest();
  }
}

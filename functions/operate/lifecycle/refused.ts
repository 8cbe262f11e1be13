import { DistributaryError } from '../../../core/errors.ts';
import type { OperateContext } from '../context.ts';

/** Asks for what the rules of the canonical store may refuse for good: that is told as they say it. */
export async function askedOf<Row extends object>(
  { connection }: Pick<OperateContext, 'connection'>,
  text: string,
  values: readonly unknown[],
): Promise<Row[]> {
  try {
    return await connection.query<Row>(text, values);
  } catch (error) {
    const { cause } = error as { cause?: { code?: string; message?: string; hint?: string } };
    if (cause?.code === NO_ROW) throw new DistributaryError('usage', 'there is no such tenant under way', { cause });
    if (!cause?.code?.startsWith('23')) throw error;
    const hint = cause.hint ?? 'distributary help tenant says what each of its commands takes';
    throw new DistributaryError('run-refused', cause.message ?? 'refused', { cause, hint });
  }
}

const NO_ROW = 'P0002';

/** Pieces that the generated SQL is put together from. */

/**
 * Every function runs as the owner, who sees all tenants, and finds nothing but what the owner made. All it looks up has
 * an index; a session that planned while a table was empty must not go on reading the whole of it.
 */
export const DEFINER = `security definer set search_path = canonical, pg_temp set enable_seqscan = off`;
/**
 * The same for what reads many rows, planned anew for each page: a plan that is made for any page reckons with a tenth of
 * the table, and joins all of it to each.
 */
export const PAGED = `${DEFINER} set plan_cache_mode = force_custom_plan`;
/** What a root's row is worth in stores, and what it is made with: declared once, read once a call. */
export const EPOCH_BASE = 'epoch_base constant bigint := (select epoch << 40 from epoch);';
export const storedSql = (version: string): string => `(epoch_base + ${version})`;

export const quote = (value: unknown): string =>
  typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : value === null ? 'null' : String(value);
/** `case` → `capture.case_state`; `legal-opinion` → `capture.legal_opinion_state`. */
export const functionName = (name: string, role: string): string => `capture.${name.replaceAll('-', '_')}_${role}`;
export const indent = (text: string, by: number): string => text.replaceAll(/\n(?=.)/g, `\n${' '.repeat(by)}`);
export const lines = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, '\n');

/** Whether an update gave each column its value, as seen from two rows. */
export const becomesSql = (becomes: Readonly<Record<string, unknown>>, before: string, after: string): string =>
  Object.entries(becomes)
    .flatMap(([column, value]) => [
      `${after}.${column} is not distinct from ${quote(value)}`,
      `${before}.${column} is distinct from ${quote(value)}`,
    ])
    .join(' and ');

export const refuseTruncate = (table: string): string =>
  `
create or replace trigger refuse_truncate before truncate on ${table}
  execute function refuse('it would escape capture; delete the rows');`.trim();

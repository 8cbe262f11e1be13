import type { JsonObject } from '../core/change.ts';
import type { ControlItems } from '../functions/control-items.ts';

/** Items of a control table, in memory. */
export function mapItems(): ControlItems {
  const items = new Map<string, { revision: number; body: JsonObject }>();
  const nameOf = (group: string, name: string) => JSON.stringify([group, name]);
  return {
    async read(group, name) {
      const item = items.get(nameOf(group, name));
      return item && { group, name, ...item };
    },
    async *list(group, prefix = '') {
      for (const [key, item] of [...items].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const [itsGroup, name] = JSON.parse(key) as [string, string];
        if (itsGroup === group && name.startsWith(prefix)) yield { group, name, ...item };
      }
    },
    async swap(group, name, expected, body) {
      const item = items.get(nameOf(group, name));
      if ((item?.revision ?? 0) !== expected) return undefined;
      const revision = expected === 0 ? Date.now() : expected + 1;
      items.set(nameOf(group, name), { revision, body: structuredClone(body) });
      return revision;
    },
    async remove(group, name, expected) {
      if (items.get(nameOf(group, name))?.revision !== expected) return !items.has(nameOf(group, name));
      return items.delete(nameOf(group, name));
    },
  };
}

import { applyBatch, type BatchPorts, type Message } from '../core/batch.ts';
import type { JsonObject } from '../core/change.ts';
import type { AnyProjector } from '../core/projector.ts';
import { APPLIED, type Outcome, type Store, type Write } from '../core/store.ts';
import { memoryStore } from '../functions/stores/memory.ts';
import { PACKAGE } from '../lib/entry-points.ts';
import type { ProjectorUnderTest } from '../testing/projector-bench.ts';
import { checkPromise, PROJECTOR_PROMISES } from '../testing/projector-promises.ts';
import { projectorOf } from '../testing/projector-subject.ts';

/** Each bug that the kit is there for, planted once: the kit has to see it, and to say what is wrong. */
const good = await projectorOf(PACKAGE, 'case-timeline');
const projector = good.definition.projectors[0]!;

const promiseOf = (word: string) => PROJECTOR_PROMISES.find(({ name }) => name.startsWith(word))!;

const withProject = (project: AnyProjector['project']): ProjectorUnderTest => ({
  definition: { ...good.definition, projectors: [{ ...projector, project }] },
});

/** A store that does something else with what it is told to write. */
const withStore = (
  write: (store: Store, ...call: Parameters<Store['write']>) => Promise<readonly Outcome[]>,
  more: Partial<Store> = {},
) => ({
  ...good,
  openStore: (): Store => {
    const store = memoryStore();
    return { ...store, ...more, write: (target, writes) => write(store, target, writes) };
  },
});

/** A pipeline that does something to messages before it takes them. */
const withMessages = (
  change: (event: JsonObject, ports: BatchPorts) => JsonObject | readonly JsonObject[],
): ProjectorUnderTest => ({
  ...good,
  apply: (messages, ports) => {
    const body = (text: string) =>
      JSON.stringify((JSON.parse(text) as JsonObject[]).flatMap(event => change(event, ports)));
    return applyBatch(
      messages.map((message): Message => ({ ...message, body: body(message.body) })),
      ports,
    );
  },
});

/** A store that keeps what `take` puts into the map, and nothing of what the real one promises. */
const naive =
  (take: (held: Map<string, Write>, writes: readonly Write[]) => void | Promise<void>) => (): ProjectorUnderTest => {
    const held = new Map<string, Write>();
    return withStore(
      async (_store, _target, writes) => {
        await take(held, writes);
        return writes.map(() => APPLIED);
      },
      {
        async *scan() {
          yield* [...held.values()];
        },
        read: async (_, key) => held.get(key),
      },
    );
  };

const lastWriterWins = naive((held, writes) => {
  for (const write of writes) held.set(write.key, write);
});

/** Remembers what it made last, and leaves out what did not change. */
function differing(): ProjectorUnderTest {
  const last = new Map<string, JsonObject>();
  return withProject((state, context) => {
    const document = projector.project(state, context);
    const before = last.get(context.key) ?? {};
    if (document) last.set(context.key, document);
    return document && Object.fromEntries(Object.entries(document).filter(([name, value]) => before[name] !== value));
  });
}

test.each<[string, string, () => ProjectorUnderTest, RegExp]>([
  [
    'a projector that does not expect what the contract allows',
    'every state',
    () =>
      withProject((state, context) => ({ ...projector.project(state, context), reference: state.reference.trim() })),
    /projector threw TypeError: Cannot read properties of null[\s\S]*the state was \{/,
  ],
  [
    'a field of another type than the contract says',
    'every state',
    () =>
      withProject((state, context) => ({ ...projector.project(state, context), restricted: String(state.restricted) })),
    /field restricted is "(true|false)" where the contract declares boolean/,
  ],
  [
    'a field that no contract names',
    'every state',
    () => withProject(({ title, product }) => ({ title, product })),
    /fields not in the contract: product/,
  ],
  [
    'a projector that asks the clock',
    'equal states',
    () => {
      let now = 0;
      return withProject((state, context) => ({ ...projector.project(state, context), reference: String(++now) }));
    },
    /one state gave .* at first and .* later: a rebuild would not give what is there/,
  ],
  [
    'a projector that changes what it is given',
    'equal states',
    () =>
      withProject((state, context) => projector.project(Object.assign(state, { title: state.title.trim() }), context)),
    /projector threw TypeError: Cannot assign to read only property/,
  ],
  [
    'a store that lets a duplicate back in',
    'duplicate',
    lastWriterWins,
    /the store holds version 1.*\n.*a rebuild gives version 2/,
  ],
  [
    'a store in which the last writer wins',
    'reorder',
    lastWriterWins,
    /changes in another order, \d of \d documents are wrong[\s\S]*SEED=-?\d+ repeats it/,
  ],
  [
    'a store that forgets its deletions',
    'delete, then a late write',
    naive((held, writes) => {
      for (const write of writes) {
        if (write.version <= (held.get(write.key)?.version ?? 0)) continue;
        if (write.document === null) held.delete(write.key);
        else held.set(write.key, write);
      }
    }),
    /a deletion, and a write from before it[\s\S]*the store holds version 2[\s\S]*a rebuild gives version 3, null/,
  ],
  [
    'a projector that writes what changed only',
    'unchanged large value',
    differing,
    /the document lacks (reference, )?title/,
  ],
  [
    'a store that takes the first of several changes in a call',
    'insert and update',
    () =>
      withStore(
        (store, target, writes) => {
          const first = new Map<string, Write>();
          for (const write of writes) if (!first.has(write.key)) first.set(write.key, write);
          return store.write(target, [...first.values()]).then(() => writes.map(() => APPLIED));
        },
        { keepsHistory: true },
      ),
    /an insert and an update in one batch, \d of \d documents are wrong/,
  ],
  [
    'a store that looks before it writes, and not while',
    'zombie writer',
    naive(async (held, writes) => {
      const before = writes.map(({ key }) => held.get(key)?.version ?? 0);
      await new Promise(setImmediate);
      for (const [index, write] of writes.entries()) if (write.version > before[index]!) held.set(write.key, write);
    }),
    /writers that raced with several versions/,
  ],
  [
    'a pipeline that believes whatever key an event says',
    'key change',
    () => withMessages(event => ({ ...event, id: `${event.sequence}@${event.subject}` })),
    /a change whose id belongs to another key: nothing in the failed queue instead of change-malformed/,
  ],
  [
    'a store that keeps documents by an attribute',
    'key change',
    () =>
      withStore((store, target, writes) => {
        const keyOf = ({ key, document }: Write) =>
          `${Buffer.from(String(document?.title ?? key))
            .toString('hex')
            .padEnd(32, '0')
            .slice(0, 32)}` as Write['key'];
        return store.write(
          target,
          writes.map(write => ({ ...write, key: keyOf(write) })),
        );
      }),
    /every attribute changed, \d+ of \d+ documents are wrong/,
  ],
  [
    'a pipeline that empties itself at a truncate',
    'truncate',
    () => withMessages(event => (String(event.type).endsWith('.truncated') ? { ...event, deleted: true } : event)),
    /a truncate: nothing in the failed queue instead of change-malformed/,
  ],
  [
    'a store that cuts off what is too long',
    'oversize',
    () =>
      withStore((store, target, writes) =>
        store.write(
          target,
          writes.map(write =>
            JSON.stringify(write.document).length > 10_000 ? { ...write, document: { title: 'cut' } } : write,
          ),
        ),
      ),
    /a document of a very large state: nothing in the failed queue instead of document-too-large/,
  ],
  [
    'a pipeline that takes every schema version for its own',
    'newer schema version',
    () => withMessages(event => ({ ...event, dataschema: String(event.dataschema).replace(/\d+$/, '1') })),
    /a schema version that nobody here knows: nothing in the failed queue instead of schema-newer/,
  ],
  [
    'a pipeline that takes an old state for one of today',
    'old schema version',
    () => withMessages(event => ({ ...event, dataschema: String(event.dataschema).replace(/\d+$/, '2') })),
    /a state of the version before: state-invalid in the failed queue instead of nothing/,
  ],
  [
    'a pipeline in which one bad change fails the whole batch',
    'a function that throws',
    () => ({
      ...good,
      apply: (messages, ports) =>
        applyBatch(messages, {
          ...ports,
          project: change => {
            try {
              return ports.project(change);
            } catch (error) {
              throw new Error('batch failed', { cause: error });
            }
          },
        }),
    }),
    /batch failed/,
  ],
])('%s breaks the promise "%s…"', async (_, word, bad, message) => {
  const promise = promiseOf(word);
  await expect(checkPromise(promise, bad())).rejects.toThrow(message);
  await checkPromise(promise, good);
});

test('every promise has a bug that breaks it', () => {
  expect(PROJECTOR_PROMISES.map(({ name }) => name.split(':')[0])).toEqual([
    'every state that its contract allows gives a document of the fields and types that its store declares, or none',
    'equal states give equal documents, whatever came before, and the state is left as it was',
    'duplicate',
    'reorder',
    'delete, then a late write',
    'unchanged large value',
    'insert and update in one batch',
    'zombie writer',
    'key change',
    'truncate',
    'oversize',
    'newer schema version',
    'old schema version',
    'a function that throws',
  ]);
});

test('a projector that shows next to nothing is not tested by accident', async () => {
  const blind = withProject(() => null);
  await expect(checkPromise(promiseOf('duplicate'), blind)).rejects.toThrow(
    /makes only 0 different documents.*`states`/,
  );
});

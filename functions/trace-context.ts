/**
 * Stands in bundles for `cls-hooked/context`, where the X-Ray SDK keeps its current segment (lib/bundles.ts). That one has
 * Node call it for each promise and each timer, which took a third of a projector's processor time. An instance of a
 * function has one event at a time, so that one context for all of it says the same.
 */

type Context = Record<string, unknown>;

class Namespace {
  #active: Context = {};

  get(name: string): unknown {
    return this.#active[name];
  }

  set<Value>(name: string, value: Value): Value {
    this.#active[name] = value;
    return value;
  }

  createContext(): Context {
    return { ...this.#active };
  }

  enter(context: Context): void {
    this.#active = context;
  }

  run(work: (context: Context) => void): Context {
    const outer = this.#active;
    const inner = this.createContext();
    this.#active = inner;
    try {
      work(inner);
      return inner;
    } finally {
      this.#active = outer;
    }
  }
}

const namespaces = new Map<string, Namespace>();

export const getNamespace = (name: string): Namespace | undefined => namespaces.get(name);

export function createNamespace(name: string): Namespace {
  const namespace = new Namespace();
  namespaces.set(name, namespace);
  return namespace;
}

export const destroyNamespace = (name: string): void => void namespaces.delete(name);

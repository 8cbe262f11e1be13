import { DistributaryError } from '../../core/errors.ts';
import type { Assembly, RawResource, Stack } from './assembly.ts';

/** What local mode answers to the pseudo parameters of CloudFormation. The account is the one that fauxqs uses. */
export const ACCOUNT = '000000000000';
export const REGION = 'us-east-1';

const NO_VALUE = Symbol('AWS::NoValue');
const PSEUDO: Readonly<Record<string, unknown>> = {
  'AWS::AccountId': ACCOUNT,
  'AWS::Region': REGION,
  'AWS::Partition': 'aws',
  'AWS::URLSuffix': 'amazonaws.com',
  'AWS::NoValue': NO_VALUE,
};
const ZONES = ['a', 'b', 'c'].map(zone => `${REGION}${zone}`);

/** Where a value stands: intrinsics are resolved by the names of their stack. */
export interface Resource {
  readonly stack: Stack;
  readonly logicalId: string;
  readonly raw: RawResource;
}

/** What a resource answers to `Ref` and `Fn::GetAtt`. */
export interface Identity {
  readonly ref: unknown;
  attribute(name: string): unknown;
}

type Arguments = readonly unknown[];
type Intrinsic = (argument: unknown, stack: Stack) => unknown;

/** Resolves the intrinsic functions of templates; throws `template-unsupported` at what it does not know. */
export class Evaluator {
  readonly #assembly: Assembly;
  readonly #identify: (resource: Resource) => Identity;
  readonly #intrinsics: Readonly<Record<string, Intrinsic>>;

  constructor(assembly: Assembly, identify: (resource: Resource) => Identity) {
    this.#assembly = assembly;
    this.#identify = identify;
    const each = (argument: unknown, stack: Stack) => list(this.evaluate(argument, stack));
    this.#intrinsics = {
      Ref: (name, stack) => this.#ref(String(name), stack),
      Condition: (name, stack) => this.condition(String(name), stack),
      'Fn::GetAtt': (path, stack) => this.#attribute(path, stack),
      'Fn::Join': (argument, stack) => {
        const [separator, parts] = each(argument, stack);
        return list(parts).join(String(separator));
      },
      'Fn::Sub': (argument, stack) => this.#substitute(argument, stack),
      'Fn::Select': (argument, stack) => {
        const [index, from] = each(argument, stack);
        return list(from)[Number(index)];
      },
      'Fn::Split': (argument, stack) => {
        const [separator, text] = each(argument, stack);
        return String(text).split(String(separator));
      },
      'Fn::ImportValue': (name, stack) => this.#import(String(this.evaluate(name, stack))),
      'Fn::If': (argument, stack) => {
        const [name, then, otherwise] = list(argument);
        return this.evaluate(this.condition(String(name), stack) ? then : otherwise, stack);
      },
      'Fn::Equals': (argument, stack) => {
        const [a, b] = each(argument, stack);
        return String(a) === String(b);
      },
      'Fn::And': (argument, stack) => each(argument, stack).every(Boolean),
      'Fn::Or': (argument, stack) => each(argument, stack).some(Boolean),
      'Fn::Not': (argument, stack) => !each(argument, stack)[0],
      'Fn::GetAZs': () => ZONES,
      'Fn::Base64': (text, stack) => Buffer.from(String(this.evaluate(text, stack))).toString('base64'),
      'Fn::FindInMap': (argument, stack) =>
        each(argument, stack).reduce((within, key) => fields(within)[String(key)], stack.mappings as unknown),
    };
  }

  evaluate(value: unknown, stack: Stack): unknown {
    if (typeof value === 'string') return this.#dynamicReferences(value);
    if (Array.isArray(value)) return value.map(item => this.evaluate(item, stack)).filter(item => item !== NO_VALUE);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [name, argument] = entries.length === 1 ? entries[0]! : ['', undefined];
    const intrinsic = this.#intrinsics[name];
    if (intrinsic) return intrinsic(argument, stack);
    if (name.startsWith('Fn::')) throw unsupported(`${stack.name}: intrinsic function ${name}`);
    const evaluated = entries.map(([key, item]) => [key, this.evaluate(item, stack)] as const);
    return Object.fromEntries(evaluated.filter(([, item]) => item !== NO_VALUE));
  }

  condition(name: string, stack: Stack): boolean {
    if (!(name in stack.conditions)) throw unsupported(`${stack.name}: unknown condition ${name}`);
    return Boolean(this.evaluate(stack.conditions[name], stack));
  }

  /** The resources that the conditions leave. */
  *resources(): Iterable<Resource> {
    for (const stack of this.#assembly.stacks) {
      for (const [logicalId, raw] of Object.entries(stack.resources)) {
        if (raw.Condition === undefined || this.condition(raw.Condition, stack)) yield { stack, logicalId, raw };
      }
    }
  }

  #ref(name: string, stack: Stack): unknown {
    if (name === 'AWS::StackName') return stack.name;
    if (name === 'AWS::StackId') return `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${stack.name}/local`;
    if (name in PSEUDO) return PSEUDO[name];
    if (name in stack.parameters) return this.#parameter(name, stack);
    return this.#identify(find(name, stack)).ref;
  }

  #attribute(path: unknown, stack: Stack): unknown {
    const [logicalId = '', ...names] = Array.isArray(path) ? path.map(String) : String(path).split('.');
    return this.#identify(find(logicalId, stack)).attribute(names.join('.'));
  }

  #parameter(name: string, stack: Stack): unknown {
    const { Type, Default } = stack.parameters[name]!;
    if (Default === undefined) throw unsupported(`${stack.name}: parameter ${name} has no default`);
    if (/^AWS::SSM::Parameter::Value<List<.*>>$/.test(Type)) return this.#ssm(String(Default)).split(',');
    if (Type.startsWith('AWS::SSM::Parameter::Value<')) return this.#ssm(String(Default));
    if (Type === 'CommaDelimitedList' || Type.startsWith('List<')) return String(Default).split(',');
    return Default;
  }

  #substitute(argument: unknown, stack: Stack): string {
    const [text, names]: Arguments = Array.isArray(argument) ? argument : [argument, {}];
    const own = fields(names);
    return String(text).replaceAll(/\$\{([^}]*)\}/g, (_, name: string) => {
      if (name.startsWith('!')) return `\${${name.slice(1)}}`;
      if (name in own) return String(this.evaluate(own[name], stack));
      const dotted = name.includes('.') && !name.startsWith('AWS::');
      return String(dotted ? this.#attribute(name, stack) : this.#ref(name, stack));
    });
  }

  #import(name: string): unknown {
    for (const stack of this.#assembly.stacks) {
      for (const { Value, Export } of Object.values(stack.outputs)) {
        if (Export && this.evaluate(Export.Name, stack) === name) return this.evaluate(Value, stack);
      }
    }
    throw unsupported(`no stack exports ${name}`);
  }

  #dynamicReferences(text: string): string {
    return text.replaceAll(/\{\{resolve:([^:}]+):([^}]*)\}\}/g, (whole, service: string, path: string) => {
      if (service !== 'ssm') throw unsupported(`dynamic reference ${whole}`);
      return this.#ssm(path.replace(/:\d+$/, ''));
    });
  }

  /** Parameters of the app itself; those of the account outside it do not exist here. */
  #ssm(name: string): string {
    for (const { stack, raw } of this.resources()) {
      if (raw.Type !== 'AWS::SSM::Parameter') continue;
      if (this.evaluate(raw.Properties.Name, stack) === name) return String(this.evaluate(raw.Properties.Value, stack));
    }
    throw unsupported(`no stack creates the SSM parameter ${name}`);
  }
}

/** The logical ids of its stack that a resource refers to, so that they come before it. */
export function dependenciesOf({ stack, raw }: Resource): Set<string> {
  const found = new Set(raw.DependsOn);
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === 'object' && value !== null) {
      for (const [name, argument] of Object.entries(value)) {
        if (name === 'Ref') found.add(String(argument));
        else if (name === 'Fn::GetAtt')
          found.add(String(Array.isArray(argument) ? argument[0] : argument).split('.')[0]!);
        else if (name === 'Fn::Sub')
          substituted(argument).forEach(id => {
            found.add(id);
          });
        visit(argument);
      }
    }
  };
  visit(raw.Properties);
  return new Set([...found].filter(id => id in stack.resources));
}

const substituted = (argument: unknown): string[] =>
  [...String(Array.isArray(argument) ? argument[0] : argument).matchAll(/\$\{([^}.!]+)/g)].map(match => match[1]!);

function find(logicalId: string, stack: Stack): Resource {
  const raw = stack.resources[logicalId];
  if (!raw) throw unsupported(`${stack.name}: reference to ${logicalId}, which is no resource or parameter`);
  return { stack, logicalId, raw };
}

export const unsupported = (what: string): DistributaryError => new DistributaryError('template-unsupported', what);

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);
const fields = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

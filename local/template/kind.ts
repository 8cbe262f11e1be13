import { z } from 'zod';
import { ACCOUNT, type Identity, REGION, unsupported } from './intrinsics.ts';

/** Where on this machine the servers are that template attributes lead to. */
export interface Surroundings {
  queueUrl(name: string): string;
  readonly database: { readonly host: string; readonly port: number };
  /** Host and port of the search engine. */
  readonly searchDomain: string;
  readonly cache: { readonly host: string; readonly port: number };
}

/** What a resource is called before its properties are read. */
export interface Naming {
  /** `Stack/LogicalId`. */
  readonly id: string;
  readonly type: string;
  readonly surroundings: Surroundings;
  /** The name that the property gives, or one made of stack and logical id as CloudFormation would. */
  named(property: string): string;
}

export interface Subject {
  readonly id: string;
  readonly type: string;
  readonly identity: Identity;
  /** The folder of the bundle that would be uploaded under this object key. */
  asset(objectKey: string): string | undefined;
  /** Ids of all resources that have to be there before it. */
  readonly after: readonly string[];
}

/** One or more resource types that local mode acts on. */
export interface Kind<Built> {
  readonly types: readonly string[];
  identify(naming: Naming): Identity;
  /** Reads the resolved properties. An unknown one is an error, unless `ignores` says why it makes no difference here. */
  build(properties: Readonly<Record<string, unknown>>, subject: Subject): Built;
}

/** A kind whose properties are read by one schema. */
export function kindOf<Shape extends z.ZodRawShape, Built>(definition: {
  types: readonly string[];
  identify(naming: Naming): Identity;
  acts: Shape;
  /** Properties without effect on one machine without accounts: names, encryption, permissions, networks. */
  ignores: readonly string[];
  build(properties: z.output<z.ZodObject<Shape>>, subject: Subject): Built;
}): Kind<Built> {
  const { types, identify, ignores, build } = definition;
  const schema = z.strictObject(definition.acts);
  const isRead = (name: string) => !ignores.includes(name);
  return {
    types,
    identify,
    build(properties, subject) {
      const read = Object.fromEntries(Object.entries(properties).filter(([name]) => isRead(name)));
      const result = schema.safeParse(read);
      if (result.success) return build(result.data as z.output<z.ZodObject<Shape>>, subject);
      const what = result.error.issues.map(describeIssue).join('; ');
      throw unsupported(`${subject.id} (${subject.type}): ${what}`);
    },
  };
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => `property ${[...path, key].join('.')}`).join(', ');
  }
  return `property ${path.join('.')}: ${issue.message}`;
}

/** An identity of a fixed set of attributes. */
export function identityOf(naming: Naming, ref: unknown, attributes: Readonly<Record<string, unknown>>): Identity {
  return {
    ref,
    attribute(name) {
      if (!(name in attributes)) throw unsupported(`${naming.id} (${naming.type}): attribute ${name}`);
      return attributes[name];
    },
  };
}

export const arnOf = (service: string, resource: string): string =>
  `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;

/** Templates write numbers and booleans as text at times. */
export const number = z.coerce.number();
export const flag = z.union([z.boolean(), z.stringbool()]);

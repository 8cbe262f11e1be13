import { CustomResource, Duration, Lazy, Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { EnvironmentOf, openSearchVariables } from '../core/environment.ts';
import { BundledFunction, type Placement } from './bundled-function.ts';
import type { Bundle } from './bundles.ts';

export interface SearchAccessProps {
  readonly bundle: Bundle;
  readonly functionName: string;
  readonly domainName: string;
  readonly placement: Placement;
  readonly logDays: number;
}

/** A domain that is busy answers in seconds; CloudFormation waits no longer than for this. */
const TIMEOUT_SECONDS = 120;

/** The one function that may say who works on which index of the domain: its role is the domain's administrator. */
export class SearchAccess extends Construct {
  readonly function: BundledFunction;

  constructor(scope: Construct, id: string, props: SearchAccessProps) {
    super(scope, id);
    const { bundle, functionName, domainName, placement, logDays } = props;
    this.function = new BundledFunction(this, 'Function', {
      bundle,
      functionName,
      description: 'Maps IAM roles to the indexes that they may work on',
      environment: {},
      timeoutSeconds: TIMEOUT_SECONDS,
      logDays,
      placement,
    });
    const domain = Stack.of(this).formatArn({ service: 'es', resource: 'domain', resourceName: domainName });
    const paths = ['roles', 'rolesmapping'].map(path => `${domain}/_plugins/_security/api/${path}/*`);
    this.function.allow(['es:ESHttpPut', 'es:ESHttpDelete'], paths);
  }

  /** Known only after the domain, whose administrator this function is. */
  set endpoint(endpoint: string) {
    const variables: EnvironmentOf<typeof openSearchVariables> = { OPENSEARCH_URL: `https://${endpoint}` };
    for (const [name, value] of Object.entries(variables)) this.function.lambda.addEnvironment(name, value);
  }
}

export interface SearchAdmissionProps {
  /** Of the function above. */
  readonly accessArn: string;
  /** The store, which begins the name of each of its indexes. */
  readonly index: string;
}

/** Lets the functions of one stack work on the indexes of one store. */
export class SearchAdmission extends Construct {
  readonly #members = new Set<string>();

  constructor(scope: Construct, id: string, { accessArn, index }: SearchAdmissionProps) {
    super(scope, id);
    new CustomResource(this, 'Resource', {
      resourceType: 'Custom::SearchAccess',
      serviceToken: accessArn,
      serviceTimeout: Duration.seconds(TIMEOUT_SECONDS),
      properties: {
        // Each stack has its own, so that none undoes what another has done.
        Role: `${Stack.of(this).stackName}-${index}`,
        Index: index,
        Members: Lazy.list({ produce: () => [...this.#members] }),
      },
    });
  }

  add(fn: BundledFunction): void {
    this.#members.add(fn.roleArn);
  }
}

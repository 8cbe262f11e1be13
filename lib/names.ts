import type { Lane } from '../core/change.ts';

/**
 * Physical names. They are fixed because other things than CloudFormation go by them: the dashboard's and the alarms'
 * dimensions, the permissions for the tables and indexes that a rebuild makes, and people at a console.
 */
export class Names {
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  get cluster(): string {
    return `${this.prefix}-canonical`;
  }
  get topic(): string {
    return `${this.prefix}-changes`;
  }
  get parkedQueue(): string {
    return `${this.prefix}-parked`;
  }
  get controlTable(): string {
    return `${this.prefix}-control`;
  }
  get alarmTopic(): string {
    return `${this.prefix}-alarms`;
  }
  get searchDomain(): string {
    return `${this.prefix}-search`;
  }
  get dashboard(): string {
    return this.prefix;
  }

  stack(part: string): string {
    return `${this.prefix}-${part}`;
  }
  function(part: string): string {
    return `${this.prefix}-${part}`;
  }
  queue(store: string, lane: Lane): string {
    return lane === 'standard' ? `${this.prefix}-${store}` : `${this.prefix}-${store}-priority`;
  }
  failedQueue(store: string): string {
    return `${this.prefix}-${store}-failed`;
  }
  /** The first table of a store; a rebuild's tables add a dot and what tells them apart. */
  table(store: string): string {
    return `${this.prefix}-${store}`;
  }
  alarm(store: string, what: string): string {
    return `${this.prefix}-${store}-${what}`;
  }
}

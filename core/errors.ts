/**
 * Every error that the system can name: code → who retries → what to do.
 * `never`: repeating cannot help, so the one change or file is set apart. `later`: the same input may pass in a while.
 */
export const errorTable = {
  'contract-invalid': {
    retry: 'never',
    hint: 'correct the contract at the line named; docs/contracts.md lists every key',
  },
  'contract-unreadable': { retry: 'never', hint: 'correct the YAML at the line named' },
  'contract-missing': { retry: 'never', hint: 'add the file named under contracts/' },
  'pack-malformed': {
    retry: 'never',
    hint: 'the message is no CloudEvents JSON batch of changes: look at who else publishes to the topic',
  },
  'change-malformed': { retry: 'never', hint: 'compare the change with core/change.ts; its producer broke the format' },
  'change-unreadable': {
    retry: 'later',
    hint: 'the payload parked by dataref could not be fetched: check the bucket and its permissions',
  },
  'payload-missing': {
    retry: 'never',
    hint: 'the payload parked by dataref was removed; repair the key from the canonical store instead',
  },
  'failed-queue-unavailable': {
    retry: 'later',
    hint: 'the failed queue refused a message: check its permissions; the change stays in its queue',
  },
  'state-invalid': {
    retry: 'never',
    hint: "the state does not match its schema version in the aggregate's contract: correct the producer, then redrive",
  },
  'schema-newer': {
    retry: 'never',
    hint: 'the change has a schema version this projector does not know: deploy the projector with the newer aggregate contract, then redrive',
  },
  'schema-unsupported': {
    retry: 'never',
    hint: 'no upcaster leads from this schema version: add one to the aggregate contract, then redrive',
  },
  'projector-threw': {
    retry: 'never',
    hint: "the projector's function threw on this state: correct it, deploy, then redrive",
  },
  'document-invalid': {
    retry: 'never',
    hint: 'the projector returned something that is no JSON object: correct it, deploy, then redrive',
  },
  'document-refused': {
    retry: 'never',
    hint: "the store refused the document: compare it with the contract's fields and the store's mapping, then redrive",
  },
  'document-too-large': {
    retry: 'never',
    hint: "the document exceeds the store's limit: leave out or shorten fields in the projector, then redrive",
  },
  'store-unavailable': {
    retry: 'later',
    hint: 'the store is down or throttles; changes wait in the queue and land when it is back',
  },
  'question-refused': {
    retry: 'never',
    hint: "the store has another mapping than the contract's (distributary doctor says so), or what asks is wrong: report it",
  },
  'target-missing': {
    retry: 'later',
    hint: 'the store has no current target: run the provisioning step, or wait for its rebuild',
  },
  'target-current': {
    retry: 'never',
    hint: 'readers see this target: cut over to another one first',
  },
  'store-retired': {
    retry: 'never',
    hint: 'read the store that takes its place; distributary retire STORE shows how far the end of this one is',
  },
  'control-malformed': {
    retry: 'later',
    hint: 'another version of this system wrote it: finish the deployment, or correct the item named in the control table',
  },
  'outbox-row-malformed': {
    retry: 'never',
    hint: 'the outbox row was written by hand or by an older trigger: correct it at its source; the next change supersedes it',
  },
  'outbox-row-oversized': {
    retry: 'never',
    hint: 'the state exceeds the largest payload: move large content to object storage and keep a reference',
  },
  'publish-failed': {
    retry: 'later',
    hint: 'the topic or the payload bucket is unreachable; the slot holds the changes until it is back',
  },
  'slot-active': { retry: 'later', hint: 'another relay holds the slot; it hands over or is ended after its grace' },
  'slot-lost': {
    retry: 'never',
    hint: 'changes are gone that were not relayed: invoke the migrate function by hand, which makes the slot anew, then rebuild every store',
  },
  'publication-unusable': {
    retry: 'later',
    hint: 'apply the migrations in canonical/: they create the publication, insert-only, before the slot is created',
  },
  'source-read-only': { retry: 'later', hint: 'the node is a reader or fails over: connect to the writer endpoint' },
  'source-unavailable': {
    retry: 'later',
    hint: 'the canonical store does not answer: check that it runs and is reachable',
  },
  'migration-changed': {
    retry: 'never',
    hint: 'leave applied migrations as they were; write a new one that makes the difference',
  },
  'migration-failed': {
    retry: 'never',
    hint: 'nothing of this script was applied: correct it, or what it found in the database, and migrate again',
  },
  'request-invalid': {
    retry: 'never',
    hint: 'correct the request; functions/operate lists every operation and its fields',
  },
  'not-signed-in': { retry: 'never', hint: 'sign in first' },
  'not-permitted': { retry: 'never', hint: 'ask somebody whose role allows it' },
  'run-active': {
    retry: 'never',
    hint: 'a store has one run at a time: wait for it, or cancel it with distributary cancel STORE',
  },
  'run-missing': { retry: 'never', hint: 'distributary runs STORE lists what there was' },
  'run-refused': { retry: 'never', hint: "look at the run's step and state with distributary runs STORE" },
  'rebuild-unproven': {
    retry: 'never',
    hint: 'mend what the report names and resume, accept the differences with --accept, or cancel',
  },
  'environment-invalid': {
    retry: 'never',
    hint: 'set the variable named; the construct that creates the function sets it',
  },
  'configuration-invalid': {
    retry: 'never',
    hint: 'correct the context in cdk.json, or the -c option; lib/configuration-schema.ts lists every key',
  },
  'projector-invalid': {
    retry: 'never',
    hint: 'correct the projector at the line named; its contract says which fields and aggregates there are',
  },
  'function-unbuildable': {
    retry: 'never',
    hint: 'correct the source at the line named; npm run typecheck says more',
  },
  'template-unsupported': {
    retry: 'never',
    hint: 'local mode does not know this resource or property: teach local/template, or change the stack',
  },
  'folder-in-use': { retry: 'never', hint: 'stop the other process, or choose another folder' },
  'port-taken': { retry: 'never', hint: 'stop what listens there, or choose another with the option named' },
  'tool-missing': { retry: 'never', hint: 'install the tool named' },
  'child-died': { retry: 'later', hint: 'read its log, named in the message' },
  'not-running': {
    retry: 'later',
    hint: 'start it with npm start, name its folder with --data-dir, or on AWS the operations function with --function',
  },
  'operations-unreachable': {
    retry: 'never',
    hint: 'check AWS_REGION, the credentials (lambda:InvokeFunction) and the name: PREFIX-operate, of a store that a team deploys PREFIX-operate-STORE',
  },
  'synthesis-failed': { retry: 'never', hint: 'correct what it says; npm run synth says it again' },
  'provisioning-failed': { retry: 'later', hint: "read the function's log, named in the message" },
  'row-invalid': {
    retry: 'never',
    hint: 'correct the row in the file; running the import again takes only what is missing',
  },
  'file-invalid': { retry: 'never', hint: 'the file lacks the 18-column header of the Consumer Complaint Database' },
  usage: { retry: 'never', hint: 'see --help' },
} as const satisfies Record<string, { retry: 'never' | 'later'; hint: string }>;

export type ErrorCode = keyof typeof errorTable;

/** Where in a file a defect lies; lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** An error out of the table. The message says what happened and the value; the hint says what to do. */
export class DistributaryError extends Error {
  override readonly name = 'DistributaryError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly place: Place | undefined;

  constructor(code: ErrorCode, message: string, more: { hint?: string; place?: Place; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.hint = more.hint ?? errorTable[code].hint;
    this.place = more.place;
  }

  get retry(): 'never' | 'later' {
    return errorTable[this.code].retry;
  }

  /** `contracts/stores/x.yaml:12:3: unknown role "projektion" (contract-invalid)`, then the hint on its own line. */
  describe(): string {
    const { place } = this;
    const where = place
      ? `${[place.file, place.line, place.column].filter(part => part !== undefined).join(':')}: `
      : '';
    return `${where}${this.message} (${this.code})\n  hint: ${this.hint}`;
  }
}

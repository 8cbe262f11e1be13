import { createHash, randomUUID } from 'node:crypto';
import type { ClientBase } from 'pg';
import type { Caseload, CaseNow } from './caseload.ts';
import type { Dice } from './dice.ts';

/** One thing that people do to a case, in one transaction. */
export interface Deed {
  /** How often it is done, against the shares of the others. */
  readonly share: number;
  /** Whether it may be done to the case now. */
  fits(kase: CaseNow): boolean;
  /** Does it; returns what is then true of the case, to be kept once it is committed. */
  act(db: ClientBase, kase: CaseNow, dice: Dice, load: Caseload): Promise<Partial<CaseNow>>;
}

const DONE = ['closed', 'withdrawn'];
const isOpen = ({ status }: CaseNow): boolean => !DONE.includes(status);
const always = (): boolean => true;
/** Due dates of the sample's time. */
const dueOn = (dice: Dice): string => `2023-${10 + dice.integer(3)}-${10 + dice.integer(18)}`;

const TASKS = ['Call the consumer', 'Ask the company for the file', 'Check the credit report', 'Draft the summary'];
const EVIDENCE = ['Letter to the company', 'Credit report', 'Account statement', 'Recording of a call'];
const FINDINGS = ['The company answered in full', 'The entry was disputed in time', 'The fee had been disclosed'];
const PUBLIC_RESPONSES = [
  'Company believes it acted appropriately as authorized by contract or law',
  'Company disputes the facts presented in the complaint',
  'Company believes the complaint is the result of a misunderstanding',
];
const OUTCOMES = ['explanation', 'monetary-relief', 'non-monetary-relief', 'no-relief'];

export const DEEDS = {
  triaged: {
    share: 30,
    fits: isOpen,
    async act(db, { id }, dice) {
      const priority = dice.pick(['low', 'normal', 'high', 'urgent']);
      await db.query('update cases set priority = $2, due_on = $3 where id = $1', [id, priority, dueOn(dice)]);
      return {};
    },
  },
  'answered in public': {
    share: 15,
    fits: always,
    async act(db, { id }, dice) {
      const answer = dice.pick(PUBLIC_RESPONSES);
      await db.query('update cases set company_public_response = $2 where id = $1', [id, answer]);
      return {};
    },
  },
  restricted: {
    share: 7,
    fits: ({ restricted }) => !restricted,
    async act(db, { id }) {
      await db.query('update cases set restricted = true where id = $1', [id]);
      return { restricted: true };
    },
  },
  unrestricted: {
    share: 3,
    fits: ({ restricted }) => restricted,
    async act(db, { id }) {
      await db.query('update cases set restricted = false where id = $1', [id]);
      return { restricted: false };
    },
  },
  assigned: {
    share: 15,
    fits: isOpen,
    async act(db, { id, tenant, assignment }, dice, { investigators }) {
      if (assignment !== null) await db.query('update assignments set ended_at = now() where id = $1', [assignment]);
      const next = randomUUID();
      await db.query('insert into assignments (id, tenant_id, case_id, investigator_id) values ($1, $2, $3, $4)', [
        next,
        tenant,
        id,
        dice.pick(investigators),
      ]);
      return { assignment: next };
    },
  },
  'given a task': {
    share: 8,
    fits: isOpen,
    async act(db, { id, tenant, tasks }, dice) {
      const task = randomUUID();
      await db.query('insert into tasks (id, tenant_id, case_id, title, due_on) values ($1, $2, $3, $4, $5)', [
        task,
        tenant,
        id,
        dice.pick(TASKS),
        dueOn(dice),
      ]);
      return { tasks: [...tasks, task] };
    },
  },
  'relieved of a task': {
    share: 5,
    fits: ({ tasks }) => tasks.length > 0,
    async act(db, { tasks: [task, ...others] }) {
      await db.query('update tasks set done_at = now() where id = $1', [task]);
      return { tasks: others };
    },
  },
  'decided upon': {
    share: 5,
    fits: isOpen,
    async act(db, { id, tenant }, dice) {
      await decide(db, { id, tenant }, dice.pick(['finding', 'relief']), dice.pick(FINDINGS));
      return {};
    },
  },
  closed: {
    share: 4,
    fits: ({ status, tasks }) => ['under-review', 'reopened', 'referred'].includes(status) && tasks.length === 0,
    async act(db, { id }, dice) {
      await db.query("update cases set status = 'closed', outcome = $2 where id = $1", [id, dice.pick(OUTCOMES)]);
      return { status: 'closed' };
    },
  },
  reopened: {
    share: 3,
    fits: ({ status }) => status === 'closed',
    async act(db, kase) {
      await decide(db, kase, 'reopening', 'The consumer sent new evidence');
      await db.query("update cases set status = 'reopened', outcome = null where id = $1", [kase.id]);
      return { status: 'reopened' };
    },
  },
  'given evidence': {
    share: 4,
    fits: always,
    async act(db, { id, tenant }, dice) {
      const content = createHash('sha256').update(randomUUID()).digest();
      const restricted = dice.chance(0.2);
      await db.query(
        `insert into evidence (tenant_id, case_id, sha256, media_type, size_bytes, title, restricted)
          values ($1, $2, $3, 'application/pdf', $4, $5, $6)`,
        [tenant, id, content, 10_000 + dice.integer(900_000), dice.pick(EVIDENCE), restricted],
      );
      return {};
    },
  },
  'put on hold': {
    share: 2,
    fits: ({ holds }) => holds.length === 0,
    async act(db, { id, tenant }) {
      const hold = randomUUID();
      await db.query("insert into legal_holds (id, tenant_id, case_id, reason) values ($1, $2, $3, 'Litigation')", [
        hold,
        tenant,
        id,
      ]);
      return { holds: [hold] };
    },
  },
  'released from hold': {
    share: 1,
    fits: ({ holds }) => holds.length > 0,
    async act(db, { holds }) {
      await db.query('update legal_holds set released_at = now() where id = any ($1)', [holds]);
      return { holds: [] };
    },
  },
} satisfies Readonly<Record<string, Deed>>;

const decide = (db: ClientBase, { id, tenant }: Pick<CaseNow, 'id' | 'tenant'>, kind: string, summary: string) =>
  db.query('insert into decisions (tenant_id, case_id, kind, summary) values ($1, $2, $3, $4)', [
    tenant,
    id,
    kind,
    summary,
  ]);

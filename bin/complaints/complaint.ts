import { z } from 'zod';
import type { ColumnName, Row } from './columns.ts';

/** How the bureau words what the company did, and what that means for the case. */
const RESPONSES = {
  'In progress': { status: 'under-review', outcome: null },
  Closed: { status: 'closed', outcome: 'no-relief' },
  'Closed with explanation': { status: 'closed', outcome: 'explanation' },
  'Closed with monetary relief': { status: 'closed', outcome: 'monetary-relief' },
  'Closed with non-monetary relief': { status: 'closed', outcome: 'non-monetary-relief' },
  // Until 2012 the bureau knew two outcomes only; relief was money then.
  'Closed with relief': { status: 'closed', outcome: 'monetary-relief' },
  'Closed without relief': { status: 'closed', outcome: 'no-relief' },
  'Untimely response': { status: 'closed', outcome: 'untimely-response' },
} as const;
type Response = keyof typeof RESPONSES;

/** Characters. The bureau's own words stay below 150; a column beyond this is a row gone out of step. */
const MAX_WORDS = 500;
const MAX_NARRATIVE = 100_000;
const MAX_ID = 20;

const words = z.string().trim().max(MAX_WORDS, `has more than ${MAX_WORDS} characters`);
const required = words.min(1, 'is missing');
const optional = words.transform(text => (text === '' ? null : text));
const date = z.string().trim().refine(isDate, 'is no date like 2023-08-25');
const yesOrNo = z
  .enum(['Yes', 'No', 'N/A', ''], 'is neither Yes nor No, N/A or empty')
  .transform(text => (text === 'Yes' ? true : text === 'No' ? false : null));

const rowSchema = z.object({
  'Date received': date,
  Product: required,
  'Sub-product': optional,
  Issue: required,
  'Sub-issue': optional,
  'Consumer complaint narrative': z
    .string()
    .max(MAX_NARRATIVE, `has more than ${MAX_NARRATIVE} characters`)
    .transform(text => (text.trim() === '' ? null : text)),
  'Company public response': optional,
  Company: required,
  State: optional,
  'ZIP code': optional,
  Tags: words.transform(text => text.split(/\s*,\s*/).filter(tag => tag !== '')),
  'Consumer consent provided?': optional,
  'Submitted via': optional,
  'Date sent to company': date,
  'Company response to consumer': z
    .string()
    .trim()
    .refine(text => text === '' || Object.hasOwn(RESPONSES, text), `is none of: ${Object.keys(RESPONSES).join(', ')}`)
    .transform(text => (text === '' ? null : (text as Response))),
  'Timely response?': yesOrNo,
  'Consumer disputed?': yesOrNo,
  'Complaint ID': z
    .string()
    .trim()
    .min(1, 'is missing')
    .max(MAX_ID, `has more than ${MAX_ID} characters`)
    .regex(/^\d*$/, 'is no number'),
} satisfies Record<ColumnName, z.ZodType>);

/** A day of the calendar, written as ISO 8601 does. */
function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

/** A complaint as the canonical store takes it: attributes of the case by their columns, and where its lifecycle stands. */
export interface Complaint {
  readonly company: string;
  readonly reference: string;
  readonly title: string;
  readonly product: string;
  readonly sub_product: string | null;
  readonly issue: string;
  readonly sub_issue: string | null;
  readonly narrative: string | null;
  readonly tags: readonly string[];
  readonly us_state: string | null;
  readonly zip: string | null;
  readonly consent: string | null;
  readonly submitted_via: string | null;
  readonly company_response: string | null;
  readonly company_public_response: string | null;
  readonly timely: boolean | null;
  readonly disputed: boolean | null;
  readonly received_on: string;
  readonly sent_on: string;
  /** The company's answer, where there is one; the case stays referred until then. */
  readonly answer: (typeof RESPONSES)[Response] | null;
}

export interface Defect {
  readonly column: ColumnName;
  /** What stands there, shortened; nothing of a column that may hold a consumer's words. */
  readonly value: string | undefined;
  readonly reason: string;
}

export type Reading =
  | { readonly kind: 'complaint'; readonly complaint: Complaint }
  | { readonly kind: 'defects'; readonly defects: readonly Defect[] };

/** Reads one row; all its defects at once. */
export function readComplaint(row: Row): Reading {
  const result = rowSchema.safeParse(row);
  if (!result.success) {
    const defects = result.error.issues.map(({ path, message }) => defectOf(path[0] as ColumnName, row, message));
    return { kind: 'defects', defects };
  }
  const complaint = complaintOf(result.data);
  if (complaint.sent_on >= complaint.received_on) return { kind: 'complaint', complaint };
  const reason = `is before the date received, ${complaint.received_on}`;
  return { kind: 'defects', defects: [defectOf('Date sent to company', row, reason)] };
}

function complaintOf(row: z.output<typeof rowSchema>): Complaint {
  const response = row['Company response to consumer'];
  return {
    company: row.Company,
    reference: row['Complaint ID'],
    title: row['Sub-issue'] === null ? row.Issue : `${row.Issue}: ${row['Sub-issue']}`,
    product: row.Product,
    sub_product: row['Sub-product'],
    issue: row.Issue,
    sub_issue: row['Sub-issue'],
    narrative: row['Consumer complaint narrative'],
    tags: row.Tags,
    us_state: row.State,
    zip: row['ZIP code'],
    consent: row['Consumer consent provided?'],
    submitted_via: row['Submitted via'],
    company_response: response,
    company_public_response: row['Company public response'],
    timely: row['Timely response?'],
    disputed: row['Consumer disputed?'],
    received_on: row['Date received'],
    sent_on: row['Date sent to company'],
    answer: response === null ? null : RESPONSES[response],
  };
}

/** Sensitive or personal in the case's contract. */
const UNSHOWN: readonly ColumnName[] = ['Consumer complaint narrative', 'Tags', 'ZIP code'];
const SHOWN_CHARACTERS = 60;

function defectOf(column: ColumnName, row: Row, reason: string): Defect {
  const value = row[column];
  const shown = value.length > SHOWN_CHARACTERS ? `${value.slice(0, SHOWN_CHARACTERS)}…` : value;
  return { column, value: UNSHOWN.includes(column) ? undefined : shown, reason };
}

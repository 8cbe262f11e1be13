import * as z from 'zod';
import { type CommandPorts, caseCommand } from '../command.ts';
import { Problem } from '../problem.ts';
import type { Route } from '../route.ts';

/** What one PUT of S3 takes. */
const MAX_EVIDENCE_BYTES = 5 * 1024 ** 3;

const newEvidence = z.strictObject({
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in lower-case hexadecimal'),
  media_type: z.string().regex(/^[\w.+-]{1,64}\/[\w.+-]{1,64}$/, 'is no media type'),
  size_bytes: z.int().min(1).max(MAX_EVIDENCE_BYTES),
  title: z.string().trim().min(1).max(500),
  description: z.string().max(4000).nullish(),
  restricted: z.boolean().default(false),
  received_from: z.string().max(500).nullish(),
});

/** Where the content is put, and with which headers; the store refuses any other content. */
export interface Upload {
  readonly method: 'PUT';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expires_in_seconds: number;
}
export interface EvidenceContent {
  readonly tenant: string;
  readonly case: string;
  readonly sha256: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
}
/** Makes the address that one piece of content, and no other, may be uploaded to. */
export type Uploads = (content: EvidenceContent) => Promise<Upload>;

const record = caseCommand({
  operation: 'add-evidence',
  method: 'POST',
  path: '/cases/{case}/evidence',
  summary: 'Record evidence, and get the address to upload its content to.',
  makes: ['evidence', 'tenant'],
  body: newEvidence,
  async run({ id, tenant }, { session, body, newId }) {
    const evidence = newId();
    if (body.restricted && session.standing.role === 'company-user') {
      throw new Problem('forbidden', 'only the bureau restricts evidence');
    }
    await session.query(
      `insert into evidence (id, tenant_id, case_id, sha256, media_type, size_bytes, title, description, restricted,
                             received_from)
        values ($1, $2, $3, decode($4, 'hex'), $5, $6, $7, $8, $9, $10)`,
      [
        ...[evidence, tenant, id, body.sha256, body.media_type, body.size_bytes, body.title],
        ...[body.description ?? null, body.restricted, body.received_from ?? null],
      ],
    );
    return { evidence, tenant };
  },
});

/** The address is made for each request, also a repeated one: it expires, so it is not remembered. */
export const addEvidence =
  (uploads: Uploads) =>
  (ports: CommandPorts): Route => {
    const recording = record(ports);
    return {
      ...recording,
      answer: (recording.answer as z.ZodObject).extend({
        upload: z.object({
          method: z.literal('PUT'),
          url: z.url(),
          headers: z.record(z.string(), z.string()),
          expires_in_seconds: z.int(),
        }),
      }),
      async run(request) {
        const answer = await recording.run(request);
        const { id, tenant } = answer.body as { id: string; tenant: string };
        const { sha256, media_type, size_bytes } = request.body as z.output<typeof newEvidence>;
        const content = { tenant, case: id, sha256, mediaType: media_type, sizeBytes: size_bytes };
        return { ...answer, body: { ...answer.body, upload: await uploads(content) } };
      },
    };
  };

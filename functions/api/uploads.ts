import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { Uploads } from './commands/evidence.ts';

/** Long enough to upload a gigabyte over a slow line; until then nothing else can be put there either. */
const EXPIRES_SECONDS = 900;
/** Headers that a signature leaves out unless it is told, and that say what the content has to be. */
const SIGNED = ['content-type', 'content-length', 'x-amz-checksum-sha256', 'if-none-match'];

/**
 * Presigned uploads: S3 itself compares the content with the hash that the canonical store has, and takes it once. The
 * bucket's object lock then keeps it.
 */
export const presignedUploads =
  (client: S3Client, bucket: string): Uploads =>
  async content => {
    const { tenant, case: id, sha256, mediaType, sizeBytes } = content;
    const checksum = Buffer.from(sha256, 'hex').toString('base64');
    const command = new PutObjectCommand({
      Bucket: bucket,
      Key: `${tenant}/${id}/${sha256}`,
      ContentType: mediaType,
      ContentLength: sizeBytes,
      ChecksumSHA256: checksum,
      IfNoneMatch: '*',
    });
    const url = await getSignedUrl(client, command, {
      expiresIn: EXPIRES_SECONDS,
      signableHeaders: new Set(SIGNED),
      unhoistableHeaders: new Set(SIGNED),
    });
    const headers = { 'content-type': mediaType, 'x-amz-checksum-sha256': checksum, 'if-none-match': '*' };
    return { method: 'PUT', url, headers, expires_in_seconds: EXPIRES_SECONDS };
  };

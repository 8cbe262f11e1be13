/**
 * Legal holds for the S3 of local mode, which knows of none: it would take one for the object's new content. What is held
 * is refused to who removes a version or goes past a lock, as S3 does. A plain removal, which leaves a marker on S3 and the
 * locked version below it, removes the object here: this S3 keeps no versions.
 */

export interface HoldsDatabase {
  exec(sql: string): void;
  prepare(sql: string): { run(...values: unknown[]): void; get(...values: unknown[]): unknown };
}

interface Request {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: unknown;
}

interface Reply {
  status(code: number): Reply;
  header(name: string, value: string): Reply;
  send(body: string): void;
}

export interface HoldsApplication {
  addHook(name: 'preHandler', hook: (request: Request, reply: Reply, done: () => void) => void): void;
}

const DENIED =
  '<Error><Code>AccessDenied</Code><Message>Access Denied because object protected by object lock.</Message></Error>';

export function keepHolds(app: HoldsApplication, database: HoldsDatabase): void {
  database.exec('CREATE TABLE IF NOT EXISTS s3_legal_holds (object TEXT PRIMARY KEY)');
  const place = database.prepare('INSERT OR IGNORE INTO s3_legal_holds (object) VALUES (?)');
  const lift = database.prepare('DELETE FROM s3_legal_holds WHERE object = ?');
  const find = database.prepare('SELECT 1 FROM s3_legal_holds WHERE object = ?');
  const isHeld = (object: string) => find.get(object) !== undefined;
  const xml = (reply: Reply, code: number, body: string) =>
    reply.status(code).header('content-type', 'application/xml').send(body);

  app.addHook('preHandler', ({ method, url, headers, body }, reply, done) => {
    const { pathname: object, searchParams } = new URL(url, 'http://s3');
    if (searchParams.has('legal-hold')) {
      if (method !== 'PUT') {
        return xml(reply, 200, `<LegalHold><Status>${isHeld(object) ? 'ON' : 'OFF'}</Status></LegalHold>`);
      }
      (/<Status>ON</.test(String(body)) ? place : lift).run(object);
      return reply.send('');
    }
    if (method === 'PUT' && headers['x-amz-object-lock-legal-hold'] === 'ON') place.run(object);
    if (method === 'DELETE') {
      const isForGood = searchParams.has('versionId') || headers['x-amz-bypass-governance-retention'] === 'true';
      if (isForGood && isHeld(object)) return xml(reply, 403, DENIED);
      lift.run(object);
    }
    done();
  });
}

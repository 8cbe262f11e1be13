import { databaseVariables, readEnvironment } from '../core/environment.ts';
import { databaseConfig } from '../functions/database.ts';

const configOf = (variables: Record<string, string>) => databaseConfig(readEnvironment(databaseVariables, variables));

test('a URL says all there is to say', async () => {
  const url = 'postgres://a:b@127.0.0.1:5433/c';
  expect(await configOf({ DATABASE_URL: url })).toMatchObject({ connectionString: url });
});

test('a user without a password logs in over TLS by a token of IAM, a new one for each connection', async () => {
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'example',
    AWS_REGION: 'eu-west-1',
  });
  const { password, ...config } = await configOf({ DATABASE_HOST: 'db.example', DATABASE_USER: 'distributary_relay' });
  expect(config).toMatchObject({
    host: 'db.example',
    port: 5432,
    database: 'distributary',
    user: 'distributary_relay',
    ssl: { rejectUnauthorized: true },
  });
  const token = await (password as () => Promise<string>)();
  expect(token).toMatch(/^db\.example:5432\/\?Action=connect&DBUser=distributary_relay&/);
  expect(token).toContain('X-Amz-Signature=');
});

test.each([
  [{}, /neither DATABASE_URL nor DATABASE_HOST/],
  [{ DATABASE_HOST: 'db.example' }, /neither DATABASE_USER nor DATABASE_SECRET_ARN/],
])('what is missing is named: %j', async (variables, message) => {
  const refused = configOf(variables as Record<string, string>);
  await expect(refused).rejects.toMatchObject({ code: 'environment-invalid', message: expect.stringMatching(message) });
});

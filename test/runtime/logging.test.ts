import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLogger } from '../../src/runtime/logging.ts';

function capture(options: { level?: string; pretty?: boolean } = {}) {
  const lines: string[] = [];
  const logger = createLogger({
    level: 'info',
    pretty: false,
    ...options,
    destination: { write: (line) => lines.push(line) },
  });
  return { logger, lines, last: () => JSON.parse(lines.at(-1) ?? 'null') };
}

describe('a line', () => {
  test('is one JSON object with level and time as text', () => {
    const { logger, lines, last } = capture();
    logger.info({ part: 'tailer' }, 'ready');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\{.*\}\n$/);
    expect(last()).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      part: 'tailer',
      msg: 'ready',
    });
  });

  test('below the level is not written', () => {
    const { logger, lines } = capture({ level: 'warn' });
    logger.info('no');
    logger.warn('yes');
    expect(lines).toHaveLength(1);
  });

  test('is written before the call returns, also as text for a person', () => {
    const { logger, lines } = capture({ pretty: true });
    logger.warn({ port: 8080 }, 'listening');
    expect(lines.join('')).toContain('listening');
    expect(lines.join('')).toContain('8080');
    expect(() => JSON.parse(lines.join(''))).toThrow();
  });
});

describe('an error', () => {
  test('is logged with its name, its own plain fields, its stack and its causes', () => {
    const { logger, last } = capture();
    const cause = Object.assign(new Error('connect failed'), { code: 'ECONNREFUSED', port: 6379 });
    logger.error({ err: new TypeError('no page', { cause }) }, 'failed');
    expect(last().err).toMatchObject({
      type: 'TypeError',
      message: 'no page',
      stack: expect.stringContaining('logging.test.ts'),
      cause: { type: 'Error', message: 'connect failed', code: 'ECONNREFUSED', port: 6379 },
    });
  });

  test('may be several, or its own cause', () => {
    const { logger, last } = capture();
    const circle = new Error('circle');
    circle.cause = circle;
    logger.error(new AggregateError([new Error('one'), circle], 'both'));
    expect(last().err.errors).toMatchObject([{ message: 'one' }, { message: 'circle' }]);
  });

  test.each([undefined, null, 'text', 42, { message: 'plain' }, Object.create(null)])(
    'may be no error: %j',
    (thrown) => {
      const { logger, last } = capture();
      logger.error({ err: thrown }, 'failed');
      expect(last().msg).toBe('failed');
    },
  );

  test('of Redis does not carry the command, which may be AUTH', () => {
    const { logger, lines } = capture();
    const error = Object.assign(new Error('ERR'), {
      command: { name: 'auth', args: ['user', 'hunter2'] },
      previousErrors: [{ args: ['hunter2'] }],
      password: 'hunter2',
    });
    logger.error({ err: error }, 'failed');
    logger.error({ error }, 'failed');
    logger.error(error);
    expect(lines.join('')).not.toContain('hunter2');
  });
});

describe('a secret', () => {
  const JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln';

  const slips: [string, object, string][] = [
    ['a field', { authToken: 's3cret', token: 's3cret' }, ''],
    ['a field of a field', { headers: { authorization: 's3cret', cookie: 's3cret' } }, ''],
    ['a field two down', { req: { headers: { authorization: 's3cret' } } }, ''],
    ['a message', {}, 'asked for /dashboard/tasks?authToken=s3cret&limit=1'],
    ['an encoded URL', {}, 'next=%2Fx%3FauthToken%3Ds3cret'],
    ['a bearer token', { note: 'Bearer s3cret' }, ''],
    ['the password of a URL', {}, 'connecting to redis://user:s3cret@redis:6379/0'],
    ['a password with signs', {}, 'connecting to rediss://:s3cret/s3cret@s3cret@redis:6379'],
    ['the URL of sentinels', {}, 'redis+sentinel://:s3cret@a:26379,b:26379/primary'],
    ['the message of an error', { err: new Error('redis://:s3cret@redis is away') }, ''],
    [
      'the message of a cause',
      { err: new Error('away', { cause: new Error('https://x:s3cret@y') }) },
      '',
    ],
  ];

  test.each(slips)('is not written from %s', (_, fields, message) => {
    for (const pretty of [false, true]) {
      const { logger, lines } = capture({ pretty });
      logger.info(fields, message);
      logger.child(fields).info(message);
      expect(lines).toHaveLength(2);
      expect(lines.join('')).not.toContain('s3cret');
      expect(lines.join('')).toContain('[redacted]');
    }
  });

  test('is not written from a field of a cause, however deep', () => {
    const { logger, lines } = capture();
    const root = Object.assign(new Error('root'), { password: 's3cret', code: 'kept' });
    const cause = new Error('middle', { cause: new Error('inner', { cause: root }) });
    logger.error({ err: new Error('outer', { cause }) }, 'failed');
    expect(lines.join('')).not.toContain('s3cret');
    expect(lines.join('')).toContain('"code":"kept"');
  });

  test('in the shape of an ID token is found anywhere', () => {
    const { logger, lines } = capture();
    logger.info({ a: { b: [`x ${JWT}`] } }, `no pem found for envelope: ${JWT}`);
    logger.error(new Error(`Wrong number of segments in token: ${JWT}`));
    expect(lines.join('')).not.toContain('eyJzdWIiOiJhIn0');
    expect(lines.join('')).not.toContain('c2ln');
  });

  const API_KEY = `ttk_${'aB3-_'.repeat(8)}xyz`;
  const SIGNATURE = 'ab12'.repeat(16);

  test.each([
    ['an API key', API_KEY, API_KEY],
    ['an API key after a line break', `keys:\n${API_KEY}`, API_KEY],
    ['an API key in a header', `Authorization: Bearer ${API_KEY}`, API_KEY],
    ['an API key that was cut off', `got "${API_KEY.slice(0, 12)}`, API_KEY.slice(0, 12)],
    ['the signature of a webhook', `X-Hub-Signature-256: sha256=${SIGNATURE}`, SIGNATURE],
    ['the same in capitals', `\nSHA256=${SIGNATURE.toUpperCase()}`, SIGNATURE.toUpperCase()],
    ['the same in a URL', `next=sha256%3D${SIGNATURE}`, SIGNATURE],
  ])('is found anywhere where it is %s', (_, text, secret) => {
    for (const pretty of [false, true]) {
      const { logger, lines } = capture({ pretty });
      logger.info({ a: { b: [text] } }, text);
      logger.error(new Error(text, { cause: new Error(text) }));
      expect(lines.join('')).not.toContain(secret);
      expect(lines.join('')).toContain('[redacted]');
    }
  });

  test('is not every digest: that of an image stays', () => {
    const { logger, last } = capture();
    logger.info({ image: `sha256:${SIGNATURE}` });
    expect(last().image).toBe(`sha256:${SIGNATURE}`);
  });

  test('is taken out without breaking the JSON around it', () => {
    const { logger, last } = capture();
    const shapes = ['://', '@', 'Bearer ', 'authToken=', JWT, 'ttk_', `sha256=${SIGNATURE}`];
    const part = fc.constantFrom('"', '\\', '\n', ' ', ...shapes);
    const text = fc.array(fc.oneof(part, fc.string({ unit: 'binary' }))).map((all) => all.join(''));
    fc.assert(
      fc.property(text, text, (field, message) => {
        logger.info({ field, list: [field], after: 'kept' }, `${message} |end`);
        expect(last()).toMatchObject({ level: 'info', after: 'kept' });
        expect(last().msg).toMatch(/\|end$/);
      }),
    );
  });
});

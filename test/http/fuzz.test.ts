import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { ErrorBodySchema } from '@tasktrail/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runDashboard } from './running-dashboard.ts';

/** What may stand in a request line and in a header without ending it. */
const targetText = fc.stringMatching(/^[\x21-\x7e]{0,60}$/);
const headerText = fc.stringMatching(/^[\x20-\x7e\xa0-\xff]{0,60}$/);

const path = fc.oneof(
  targetText.map((tail) => `/${tail}`),
  targetText.map((tail) => `/dashboard/tasks/${tail}`),
  fc
    .tuple(
      fc.constantFrom('/dashboard/tasks', '/dashboard/projects', '/dashboard/tasks/stream'),
      fc.array(
        fc.tuple(
          fc.oneof(
            fc.constantFrom('project', 'statuses', 'cursor', 'limit', 'authToken', '__proto__'),
            fc.string(),
          ),
          fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('queued,', '1', 'a/b', 'valid')),
        ),
        { maxLength: 6 },
      ),
      fc.boolean(),
    )
    .map(([base, pairs, encoded]) => {
      const query = pairs.map(([name, value]) => [name, value] as [string, string]);
      const raw = query.map((pair) => pair.join('=').replace(/[^\x21-\x7e]/g, '%')).join('&');
      return `${base}?${encoded ? new URLSearchParams(query) : raw}`;
    }),
);

const header = fc.tuple(
  fc.constantFrom(
    'authorization',
    'origin',
    'x-request-id',
    'x-forwarded-for',
    'last-event-id',
    'accept',
    'cookie',
    'if-none-match',
    'access-control-request-method',
  ),
  headerText,
);

test('whatever is asked, the answer is no failure, and JSON', async () => {
  await using dashboard = await runDashboard({
    http: { corsOrigins: ['https://dashboard.example.com'], trustedProxies: ['loopback'] },
  });
  using agent = Object.assign(new Agent({ keepAlive: true }), {
    [Symbol.dispose]: () => agent.destroy(),
  });

  const ask = fc.record({
    path,
    method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE'),
    headers: fc.array(header, { maxLength: 4 }).map((pairs) => Object.fromEntries(pairs)),
    isSignedIn: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(ask, async ({ path: target, method, headers, isSignedIn }) => {
      const authorization = isSignedIn ? { authorization: 'Bearer valid' } : {};
      const asked = request(dashboard.url, {
        agent,
        method,
        headers: { ...headers, ...authorization },
        path: target,
      }).end();
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      const { statusCode = 0 } = response;
      const body = await text(response);
      expect(statusCode).toBeLessThan(500);
      expect(response.headers['x-request-id']).toMatch(/^[\w.:-]{1,64}$/);
      if (method === 'HEAD' || statusCode === 204) {
        expect(body).toBe('');
        return;
      }
      if (response.headers['content-type'] === 'text/event-stream') return;
      expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
      if (statusCode >= 400) ErrorBodySchema.strict().parse(JSON.parse(body));
      else JSON.parse(body);
    }),
    { numRuns: 500 },
  );
});

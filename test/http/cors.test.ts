import { describe, expect, test } from 'vitest';
import { type RunningDashboard, runDashboard } from './running-dashboard.ts';

const LISTED = 'https://dashboard.example.com';
const OTHER = 'https://evil.example.com';

function run(...corsOrigins: string[]): Promise<RunningDashboard> {
  return runDashboard({ http: { corsOrigins, trustedProxies: [] } });
}

function from(origin: string, token = 'valid', method = 'GET'): RequestInit {
  return { method, headers: { Origin: origin, Authorization: `Bearer ${token}` } };
}

/** What a browser sends before a request with a header of its own; never with a token. */
function preflight(origin: string): RequestInit {
  return {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'GET',
      'Access-Control-Request-Headers': 'authorization,last-event-id',
    },
  };
}

function corsHeaders(response: Response): string[] {
  return [...response.headers.keys()].filter((name) => name.startsWith('access-control-'));
}

const ANSWERS: [number, string, RequestInit][] = [
  [200, '/dashboard/tasks', from(LISTED)],
  [400, '/dashboard/tasks?limit=0', from(LISTED)],
  [401, '/dashboard/tasks', from(LISTED, 'old')],
  [403, '/dashboard/tasks', from(LISTED, 'forbidden')],
  [404, '/dashboard/tasks/run-9', from(LISTED)],
  [404, '/nothing', from(LISTED)],
  [405, '/dashboard/tasks', from(LISTED, 'valid', 'POST')],
  [503, '/dashboard/tasks', from(LISTED, 'certificates-away')],
  [200, '/dashboard/tasks/stream', from(LISTED)],
  [401, '/dashboard/tasks/stream', from(LISTED, 'old')],
];

describe('a listed origin', () => {
  test.each(ANSWERS)('may read the answer %i of %s', async (status, path, init) => {
    await using dashboard = await run('https://other.example.com', LISTED);
    const response = await dashboard.get(path, init);
    expect(response.status).toBe(status);
    expect(response.headers.get('access-control-allow-origin')).toBe(LISTED);
    expect(response.headers.get('access-control-expose-headers')).toBe(
      'ETag,Retry-After,X-Request-Id',
    );
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    expect(response.headers.get('vary')).toBe('Origin');
  });

  test('may read a failure that nobody expected', async () => {
    const fail = () => Promise.reject(new Error('boom'));
    await using dashboard = await runDashboard({
      http: { corsOrigins: [LISTED], trustedProxies: [] },
      readModel: { page: fail, task: fail },
    });
    const response = await dashboard.get('/dashboard/tasks', from(LISTED));
    expect(response.status).toBe(500);
    expect(response.headers.get('access-control-allow-origin')).toBe(LISTED);
  });

  test('is answered its preflight without a token', async () => {
    await using dashboard = await run(LISTED);
    const response = await dashboard.get('/dashboard/tasks', preflight(LISTED));
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe(LISTED);
    expect(response.headers.get('access-control-allow-methods')).toBe('GET,HEAD');
    expect(response.headers.get('access-control-allow-headers')).toBe(
      'Authorization,If-None-Match,Last-Event-ID',
    );
    expect(response.headers.get('access-control-max-age')).toBe('7200');
    expect(response.headers.get('vary')).toBe('Origin');
  });
});

describe('an origin that is not listed', () => {
  test.each([OTHER, 'null', `${LISTED}.evil.com`, 'http://dashboard.example.com', ''])(
    'is told nothing: "%s"',
    async (origin) => {
      await using dashboard = await run(LISTED);
      for (const init of [from(origin), from(origin, 'old'), preflight(origin)]) {
        const response = await dashboard.get('/dashboard/tasks', init);
        expect(corsHeaders(response)).toEqual([]);
        expect(response.headers.get('vary')).toBe('Origin');
      }
    },
  );

  test('is every origin where none is listed', async () => {
    await using dashboard = await run();
    expect(corsHeaders(await dashboard.get('/dashboard/tasks', from(LISTED)))).toEqual([]);
    expect(corsHeaders(await dashboard.get('/dashboard/tasks', preflight(LISTED)))).toEqual([]);
  });
});

describe('all origins', () => {
  test('may read where * is listed, though without credentials', async () => {
    await using dashboard = await run('*');
    for (const init of [from(OTHER), from(OTHER, 'old'), preflight(OTHER)]) {
      const response = await dashboard.get('/dashboard/tasks', init);
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    }
  });
});

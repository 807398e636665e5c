import { describe, expect, test } from 'vitest';
import { createAdminApp } from '../../src/http/admin.ts';
import type { Probes } from '../../src/http/http.ts';
import { type HttpServer, listen } from '../../src/http/server.ts';
import { createLogger } from '../../src/runtime/logging.ts';
import { collectProcessMetrics, createMetrics } from '../../src/runtime/metrics.ts';
import type { HealthCheck } from '../../src/runtime/service.ts';
import { answerOf, runDashboard } from './running-dashboard.ts';

const tailer: HealthCheck = {
  name: 'tailer',
  health: () => ({ ready: true, details: { loopAgeMs: 12 } }),
};
const away: HealthCheck = {
  name: 'redis',
  health: () => ({ ready: false, details: { waitsFor: 'Redis', ready: 'of course' } }),
};
const broken: HealthCheck = {
  name: 'broken',
  health: () => {
    throw new TypeError('secret internals');
  },
};

const silent = createLogger({ level: 'silent', pretty: false });

async function runAdmin(probes: Partial<Probes> = {}) {
  const metrics = createMetrics();
  const app = createAdminApp({
    probes: { checks: [], isDraining: () => false, ...probes },
    registry: metrics.registry,
    logger: silent,
  });
  const settings = { host: 'TASK_TRACKING_ADMIN_HOST', port: 'TASK_TRACKING_ADMIN_PORT' };
  const handler = app.callback();
  const server: HttpServer = await listen({
    handler,
    host: '127.0.0.1',
    port: 0,
    settings,
    logger: silent,
  });
  return {
    metrics,
    get: (path: string) => fetch(server.url + path),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** Both applications have the same probes; details are for the admin port alone. */
describe.each([
  ['dashboard', (probes: Probes) => runDashboard({ probes }), (_details: object) => ({})],
  ['admin', (probes: Probes) => runAdmin(probes), (details: object) => details],
])('the probes of the %s application', (_, run, shown) => {
  const isDraining = () => false;

  test('say that the process lives even where it is not ready', async () => {
    await using app = await run({ checks: [away], isDraining: () => true });
    const response = await app.get('/healthz');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok' });
  });

  test('say that it is ready when every part is', async () => {
    await using app = await run({ checks: [tailer], isDraining });
    const response = await app.get('/readyz');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      ready: true,
      draining: false,
      checks: { tailer: { ready: true, ...shown({ loopAgeMs: 12 }) } },
    });
  });

  test('say which part is not ready, whatever its details claim', async () => {
    await using app = await run({ checks: [tailer, away], isDraining });
    const response = await app.get('/readyz');
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      ready: false,
      draining: false,
      checks: {
        tailer: { ready: true, ...shown({ loopAgeMs: 12 }) },
        redis: { ready: false, ...shown({ waitsFor: 'Redis' }) },
      },
    });
  });

  test('say that it is not ready while it drains', async () => {
    await using app = await run({ checks: [tailer], isDraining: () => true });
    const response = await app.get('/readyz');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ ready: false, draining: true });
  });

  test('survive a part that cannot say how it is', async () => {
    await using app = await run({ checks: [broken, tailer], isDraining });
    const response = await app.get('/readyz');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      checks: {
        broken: { ready: false, ...shown({ error: 'TypeError' }) },
        tailer: { ready: true },
      },
    });
  });
});

describe('metrics', () => {
  test('are those of the program, in the format of Prometheus', async () => {
    await using admin = await runAdmin();
    admin.metrics.projector.events.inc({ outcome: 'stale' }, 3);
    const response = await admin.get('/metrics');
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await response.text();
    expect(text).toContain('tasktrail_projector_events_total{outcome="stale"} 3');
    expect(text).toContain('tasktrail_streams_closed_total{reason="draining"} 0');
  });

  test('all say what they are and in which unit', async () => {
    const { registry } = createMetrics();
    for (const { name, help, type } of await registry.getMetricsAsJSON()) {
      expect(name).toMatch(/^tasktrail_[a-z_]+$/);
      expect(help).toMatch(/^[A-Z1].*\.$/);
      expect(name.endsWith('_total')).toBe(String(type) === 'counter');
      if (String(type) === 'histogram') expect(name).toMatch(/_(seconds|events)$/);
    }
  });

  test('of two registries are two', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.streams.open.inc();
    expect(await other.registry.metrics()).toContain('tasktrail_streams_open 0');
  });

  test('may have those of the process added', async () => {
    const { registry } = createMetrics();
    collectProcessMetrics(registry);
    expect(await registry.metrics()).toContain('process_resident_memory_bytes');
  });
});

describe('the admin application', () => {
  test('has nothing else', async () => {
    await using admin = await runAdmin();
    const response = await admin.get('/dashboard/tasks');
    expect(await answerOf(response)).toMatchObject({ status: 404, error: 'route_not_found' });
  });
});

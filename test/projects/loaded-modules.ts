import { registerHooks } from 'node:module';

/** Run as a program: loads a list from the file that it is given, and prints every module it took. */
const loaded: string[] = [];
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    loaded.push(resolved.url);
    return resolved;
  },
});

const { pino } = await import('pino');
const { configuredProjects } = await import('../../src/projects/configured-projects.ts');
const projects = configuredProjects(
  { source: process.argv[2], fallbackPath: undefined, refreshMs: 1000, s3Endpoint: undefined },
  {
    logger: pino({ level: 'silent' }),
    metrics: { onRefresh: () => undefined, setBrokenSeconds: () => undefined },
  },
);
const stopping = new AbortController();
const ended = projects.run(stopping.signal);
await projects.firstLook;
stopping.abort();
await ended;
if (projects.list().length === 0) throw new Error('the list was not loaded');
console.log(loaded.join('\n'));

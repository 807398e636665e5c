import { openAuthenticator } from '../../src/auth/authenticator.ts';
import { startGoogleStandIn } from '../../src/demo/google-stand-in.ts';
import { createLogger } from '../../src/runtime/logging.ts';
import { answer } from '../harness/processes.ts';

/** Verifies a token so many times, and answers with microseconds a call: the first one's, and the others'. */
answer<{ readonly calls: number }>(async ({ calls }) => {
  await using google = await startGoogleStandIn({ now: Date.now });
  const authenticator = await openAuthenticator(
    {
      clientIds: [google.clientId],
      certsUrl: google.certsUrl,
      allowedDomains: ['example.com'],
      allowedEmails: [],
      admins: [],
      membersPath: undefined,
      enforceVisibility: true,
      identitiesPath: undefined,
      producersPath: undefined,
    },
    {
      now: Date.now,
      logger: createLogger({ level: 'silent', pretty: false }),
      files: { onReload: () => {}, setBroken: () => {} },
    },
  );
  // Fetches the certificates, and so is no example of a first one.
  await authenticator.authenticate(google.sign({ email: 'ben@example.com' }));
  const token = google.sign({ picture: `https://example.com/${'x'.repeat(200)}` });
  const first = await timed(() => authenticator.authenticate(token), 1);
  await timed(() => authenticator.authenticate(token), calls / 10);
  return { first, again: await timed(() => authenticator.authenticate(token), calls) };
});

async function timed(call: () => Promise<unknown>, calls: number): Promise<number> {
  const startedAt = performance.now();
  for (let n = 0; n < calls; n += 1) await call();
  return ((performance.now() - startedAt) * 1000) / calls;
}

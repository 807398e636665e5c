const SENTENCE = 'All 214 tests passed in 1 min 24 s';

/** More than a hash may hold in its compact form, by Redis' own default of 64 bytes a value. */
export const LONG_SENTENCE =
  'The deploy to staging waits for an approval of somebody who owns the service, since its ' +
  'migration locks a table.';

/**
 * What CI says of one run: queued, in progress, done. With a pull request, somebody who began it and
 * somebody who is responsible, and a sentence at the end.
 */
export function eventsOf(number: number, message = SENTENCE): Record<string, string>[] {
  const executionId = `ci-${(number * 7919).toString(36).padStart(6, '0')}-${number}`;
  const at = Date.UTC(2026, 9, 1) + number * 100;
  const time = (afterMs: number) => new Date(at + afterMs).toISOString();
  const eventId = (step: string) => `${number}-${step}`;
  return [
    {
      executionId,
      project: `acme/service-${number % 20}`,
      status: 'queued',
      occurredAt: time(0),
      taskName: `Build and test of pull request ${number % 4000}`,
      flow: 'pull-request',
      actor: JSON.stringify({
        provider: 'github',
        id: `u${number % 500}`,
        displayName: 'Ana Sosa',
      }),
      prLinks: JSON.stringify([`https://github.com/acme/service/pull/${number % 4000}`]),
      visibility: JSON.stringify({ responsibleUsers: [`google:p${number % 700}@example.com`] }),
      eventId: eventId('q'),
    },
    { executionId, status: 'in_progress', occurredAt: time(5000), eventId: eventId('p') },
    {
      executionId,
      status: number % 10 === 0 ? 'error' : 'success',
      occurredAt: time(95_000),
      message,
      eventId: eventId('s'),
    },
  ];
}

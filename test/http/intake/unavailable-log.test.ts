import { pino } from 'pino';
import { expect, test } from 'vitest';
import { UnavailableLog } from '../../../src/http/intake/unavailable-log.ts';
import { IntakeUnavailableError } from '../../../src/intake/intake.ts';

test('an outage is told once a second, by its cause', () => {
  const lines: { reason: string }[] = [];
  const logger = pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line)) });
  let nowMs = 5000;
  const log = new UnavailableLog(() => nowMs);
  const tell = (cause?: Error) =>
    log.tell(logger, 'http', new IntakeUnavailableError('send the same again', { cause }));
  tell(new Error('first'));
  for (nowMs of [5001, 5999]) tell(new Error('as well'));
  nowMs = 6000;
  tell(new Error('second'));
  nowMs = 8000;
  tell();
  expect(lines.map(({ reason }) => reason)).toEqual(['first', 'second', 'send the same again']);
});

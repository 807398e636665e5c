import type { Runner } from '../world/runner.ts';
import type { Evidence } from './evidence.ts';

/** More than any round needs. */
const MAX_RSS_BYTES = 350 * 1024 * 1024;

/** Whether every process lived on, within bounds and without telling secrets: 6, 9 and 10. */
export function judgeProcesses({ runners, secrets }: Evidence): string[] {
  const segments = [...secrets].flatMap((secret) => secret.split('.')).filter(isTelling);
  return runners.flatMap((runner) => [...judgeLives(runner), ...judgeOutput(runner, segments)]);
}

function judgeLives({ name, lives, maxRssBytes }: Runner): string[] {
  const findings = lives.flatMap(({ told, exit }) => {
    const how = exit && `ended with ${exit.signal ?? exit.code}`;
    if (told === undefined) return exit === undefined ? [] : [`${name} ${how} by itself`];
    if (told === 'stop' && exit?.code !== 0) return [`${name} was asked to stop and ${how}`];
    return [];
  });
  if (maxRssBytes > MAX_RSS_BYTES) findings.push(`${name} took ${maxRssBytes >> 20} MiB`);
  return findings;
}

function judgeOutput({ name, lives }: Runner, secrets: readonly string[]): string[] {
  return lives.flatMap(({ output, errors }) => [
    ...(errors === '' ? [] : [`${name} wrote to standard error: ${errors.slice(0, 500)}`]),
    ...(secrets.some((secret) => output.includes(secret)) ? [`${name} logged a token`] : []),
  ]);
}

/** The head of a token is the same for all, and tells nothing. */
function isTelling(segment: string): boolean {
  return segment.length >= 40 && !segment.startsWith('eyJhbGciOiJSUzI1NiIs');
}

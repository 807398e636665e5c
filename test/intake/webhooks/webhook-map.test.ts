import { encodeEntry, isTooLarge, TaskEventSchema } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FORGES } from '../../../src/intake/intake.ts';
import { mapWebhook } from '../../../src/intake/webhooks/webhook-map.ts';
import { GITEA_CORPUS, GITHUB_CORPUS, giteaPayload } from './webhook-corpus.ts';

const CORPUS = [...GITHUB_CORPUS, ...GITEA_CORPUS];
const forges = fc.constantFrom(...FORGES);
const names = fc.oneof(
  fc.constantFrom(...new Set(CORPUS.map(({ name }) => name))),
  fc.constantFrom('push', 'ping', '', 'constructor', '__proto__'),
  fc.string(),
);
const KINDS = ['event', 'pull_request', 'ignored', 'unmapped', 'invalid'];

/** Maps it, and holds an event to what can be appended. */
function kindOf(...webhook: Parameters<typeof mapWebhook>): string {
  const mapped = mapWebhook(...webhook);
  if (mapped.kind === 'event') {
    const event = TaskEventSchema.parse(mapped.event);
    expect(isTooLarge([...encodeEntry(event), 'producer', webhook[0]])).toBe(false);
    expect(event.executionId.startsWith(`${webhook[0]}-`)).toBe(true);
    expect(mapped.commit ?? '0'.repeat(40)).toMatch(/^([0-9a-f]{40}|[0-9a-f]{64})$/);
  }
  return mapped.kind;
}

describe('mapWebhook, whatever comes in', () => {
  it('says what any JSON under any name is, and never throws', () => {
    fc.assert(
      fc.property(forges, names, fc.jsonValue(), fc.string(), (forge, name, payload, id) => {
        expect(KINDS).toContain(kindOf(forge, name, payload, { id }));
      }),
      { numRuns: 500 },
    );
  });

  it('survives any field of a real payload being anything', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(
        fc.constantFrom(...CORPUS),
        fc.nat(),
        fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary', size: 'large' })),
        ({ forge, name, payload }, place, value) => {
          kinds.add(kindOf(forge, name, withChanged(payload, place, value)));
        },
      ),
      { numRuns: 1000 },
    );
    expect(kinds).toContain('event');
    expect(kinds).toContain('invalid');
  });

  it('counts a login as an actor is counted, by code units', () => {
    const payload = giteaPayload('status.success-1.24.json');
    payload.sender = { login: '\u{1F98A}'.repeat(151) };
    expect(mapWebhook('gitea', 'status', payload).kind).toBe('invalid');
    payload.sender = { login: '\u{1F98A}'.repeat(150) };
    expect(kindOf('gitea', 'status', payload)).toBe('event');
  });

  it('gives the same again for the same payload, and leaves it as it was', () => {
    for (const { forge, name, payload } of CORPUS) {
      const before = JSON.stringify(payload);
      expect(mapWebhook(forge, name, payload)).toEqual(mapWebhook(forge, name, payload));
      expect(JSON.stringify(payload)).toBe(before);
    }
  });

  it('does not mix up forges', () => {
    const job = GITEA_CORPUS.find(({ name }) => name === 'workflow_job');
    expect(mapWebhook('gitea', 'check_run', job?.payload).kind).toBe('unmapped');
    expect(mapWebhook('github', 'status', GITEA_CORPUS.at(-1)?.payload).kind).toBe('unmapped');
  });
});

/** A copy in which one of the values, wherever it is, is another one. */
function withChanged(payload: object, place: number, value: unknown): unknown {
  const copy = structuredClone(payload);
  const places: [holder: Record<string, unknown>, key: string][] = [];
  const visit = (holder: Record<string, unknown>) => {
    for (const [key, held] of Object.entries(holder)) {
      places.push([holder, key]);
      if (typeof held === 'object' && held !== null) visit(held as Record<string, unknown>);
    }
  };
  visit(copy as Record<string, unknown>);
  const [holder, key] = places[place % places.length] as (typeof places)[number];
  holder[key] = value;
  return copy;
}

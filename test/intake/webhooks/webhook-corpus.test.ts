import {
  decodeEntry,
  encodeEntry,
  judgeEvent,
  parseStreamId,
  type StreamId,
} from '@tasktrail/contract';
import { describe, expect, it } from 'vitest';
import { mapWebhook } from '../../../src/intake/webhooks/webhook-map.ts';
import { type CorpusWebhook, GITEA_CORPUS, GITHUB_CORPUS } from './webhook-corpus.ts';

/** Later than any time in these payloads. */
const ENTRY_ID = parseStreamId('4102444800000-0') as StreamId;
const CORPUS = [...GITHUB_CORPUS, ...GITEA_CORPUS];

const mapped = ({ forge, name, payload }: CorpusWebhook) =>
  mapWebhook(forge, name, payload, { id: 'd-1' });

describe('the corpus of webhooks', () => {
  it('has every type that is mapped, of both forges', () => {
    const types = new Set(CORPUS.map(({ forge, name }) => `${forge} ${name}`));
    expect(types.size).toBe(10);
    expect(GITHUB_CORPUS.length).toBeGreaterThan(100);
  });

  it('is mapped without a payload that cannot be read, and tells of nothing but known reasons', () => {
    const kinds = CORPUS.map((webhook) => mapped(webhook).kind);
    expect(new Set(kinds)).toEqual(new Set(['event', 'pull_request', 'ignored']));
  });

  it('becomes events that an entry can carry', () => {
    for (const webhook of CORPUS) {
      const result = mapped(webhook);
      if (result.kind !== 'event') continue;
      const judged = judgeEvent(result.event, 4102444800000);
      if (judged.kind === 'invalid') throw new Error(`${webhook.source}: ${judged.problem.detail}`);
      expect(decodeEntry(ENTRY_ID, encodeEntry(judged.event))).toEqual(judged);
    }
  });

  it('becomes this', () => {
    const lines = CORPUS.map((webhook) => `${webhook.source}: ${JSON.stringify(mapped(webhook))}`);
    expect(lines).toMatchSnapshot();
  });

  it('never gives one execution to two projects', () => {
    const projects = new Map<string, string | undefined>();
    for (const webhook of CORPUS) {
      const result = mapped(webhook);
      if (result.kind !== 'event') continue;
      const { executionId, project } = result.event;
      expect(projects.get(executionId) ?? project).toBe(project);
      projects.set(executionId, project);
    }
  });
});

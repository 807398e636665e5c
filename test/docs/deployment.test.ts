import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SETTINGS, type Setting } from '../../config/settings.ts';
import { MIGRATIONS } from '../../src/projector/migrations.ts';
import { LAYOUT_VERSION } from '../../src/redis/keys.ts';

const folder = new URL('../../docs/', import.meta.url);
const document = readFileSync(new URL('deployment.md', folder), 'utf8');
const settings = SETTINGS as Record<string, Setting>;

test('every setting that docs/deployment.md names is one', () => {
  const named = new Set(document.match(/\bTASK_[A-Z_]+[A-Z]\b/g));
  expect(named.size).toBeGreaterThan(5);
  expect([...named].filter((name) => settings[name] === undefined)).toEqual([]);
});

test('every link of docs/deployment.md leads somewhere', () => {
  const links = [...document.matchAll(/\]\(([^)#]+)(?:#([^)]+))?\)/g)];
  expect(links).not.toHaveLength(0);
  for (const [, path = '', anchor] of links) {
    const target = new URL(path, folder);
    expect(existsSync(target), path).toBe(true);
    if (anchor === undefined) continue;
    const headings = readFileSync(target, 'utf8').match(/^#+ .+$/gm) ?? [];
    const anchors = headings.map((line) => line.replace(/^#+ /, '').toLowerCase());
    expect(anchors.map((text) => text.replaceAll(' ', '-'))).toContain(anchor);
  }
});

test('the defaults that docs/deployment.md counts with are those of the program', () => {
  const fallbacks = {
    TASK_DASHBOARD_REPLAY_LIMIT: '200',
    TASK_DASHBOARD_HEARTBEAT_MS: '15000',
    TASK_DASHBOARD_MAX_STREAMS: '20000',
    TASK_DASHBOARD_STREAM_MAX_LIFETIME_MS: '3600000',
  };
  for (const [name, fallback] of Object.entries(fallbacks)) {
    expect(settings[name]?.fallback).toBe(fallback);
  }
  expect([LAYOUT_VERSION, MIGRATIONS]).toEqual(['1', []]);
});

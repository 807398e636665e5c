import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SETTINGS } from '../../config/settings.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
const security = read('SECURITY.md');
const rows = security
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(1)
  .map((line) => line.slice(2, -2).split(' | '));

test('each threat has who, what they want, what stops it, and a test', () => {
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows)
    expect(
      row.map((cell) => cell !== ''),
      row.join(),
    ).toEqual(Array(4).fill(true));
});

test('each test that the threat model names is there, under that name', () => {
  for (const [, , , cell = ''] of rows) {
    const named = cell.split('; ').map((one) => /^`([^`]+)` "([^"]+)"$/.exec(one));
    for (const match of named) {
      const [, path = '', name = ''] = match ?? [];
      expect(path, cell).toMatch(/^test\/.*\.test\.ts$/);
      expect(isTestOf(name, read(path)), `${path}: ${name}`).toBe(true);
    }
  }
});

/** Whether it is the whole name of a test or of a group of them: what stands before its function. */
function isTestOf(name: string, source: string): boolean {
  return ["'", '"', '`'].some((quote) => {
    const [, ...after] = source.split(quote + name.replaceAll(quote, `\\${quote}`) + quote);
    return after.some((text) => /^,\s*(?:async )?\(/.test(text));
  });
}

test('every file, setting and metric that it names is there', async () => {
  const names = [...security.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
  const metrics = await createMetrics().registry.metrics();
  for (const name of names) {
    const [setting] = /^TASK_[A-Z_]+/.exec(name) ?? [];
    if (setting !== undefined) expect(Object.keys(SETTINGS)).toContain(setting);
    if (/^(?:src|test|deploy|docs)\//.test(name))
      expect(existsSync(new URL(name, ROOT)), name).toBe(true);
    if (name.startsWith('tasktrail_')) expect(metrics).toContain(`${name} `);
  }
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { needsOf, type ProcessRoles } from '../../src/redis/permissions.ts';

const NOTHING: ProcessRoles = { applies: false, serves: false, takes: false };

/** The scripts that a process runs, and commands that rate limits run in one of their own. */
const SCRIPTS: readonly [role: keyof ProcessRoles, names: readonly string[]][] = [
  [
    'applies',
    [
      'commit',
      'read-events',
      'hold-lease',
      'release-lease',
      'replace-epoch',
      'set-layout',
      'trim',
      'account-events',
    ],
  ],
  ['serves', ['read-feed', 'read-feed-tail', 'read-page', 'replace-epoch']],
  ['takes', ['append-once']],
];

function commandsIn(script: string): string[] {
  const source = readFileSync(new URL(`../../src/redis/scripts/${script}.lua`, import.meta.url));
  const calls = [...String(source).matchAll(/redis\.p?call\('(\w+)'(?:, '(STREAM)')?/g)];
  return calls.map(([, name = '', sub]) =>
    [name, ...(sub === undefined ? [] : [sub])].join('|').toLowerCase(),
  );
}

test.for(SCRIPTS)('every command in the scripts of a process that %s is tried', ([role, names]) => {
  const tried = needsOf({ ...NOTHING, [role]: true }, KEYS).map(({ command }) => command);
  for (const name of names) {
    const commands = commandsIn(name);
    expect(commands).not.toHaveLength(0);
    expect(tried, name).toEqual(expect.arrayContaining(commands));
  }
});

test('nothing is tried twice, and what is needed is not taken for something that is only missed', () => {
  const needs = needsOf({ applies: true, serves: true, takes: true }, KEYS);
  const names = needs.map(({ command, key }) => `${command} ${key}`);
  expect(new Set(names).size).toBe(names.length);
  const alone = needsOf({ ...NOTHING, serves: true }, KEYS);
  for (const { command, key, else: loss } of alone) {
    if (loss !== undefined) continue;
    expect(needs).toContainEqual(expect.objectContaining({ command, key }));
    const both = needs.find((need) => need.command === command && need.key === key);
    expect(both?.else, `${command} ${key}`).toBeUndefined();
  }
});

import { expect, test } from 'vitest';
import { LAYOUT_VERSION } from '../../src/redis/keys.ts';
import { judgeLayout, OlderLayoutError, requireLayout } from '../../src/redis/layout.ts';
import { FatalError } from '../../src/runtime/retry.ts';

test.for<[stored: string, verdict: ReturnType<typeof judgeLayout>]>([
  ['', { kind: 'current' }],
  ['3', { kind: 'current' }],
  ['2', { kind: 'older', from: 2 }],
  ['1', { kind: 'older', from: 1 }],
  ['2>3', { kind: 'older', from: 2 }],
  ['1>2', { kind: 'older', from: 1 }],
  ['4', { kind: 'newer' }],
  ['10', { kind: 'newer' }],
  ['3>4', { kind: 'newer' }],
  ['2>4', { kind: 'newer' }],
  // What no program writes is not understood either.
  ['x', { kind: 'newer' }],
  ['2.5', { kind: 'newer' }],
  ['-1', { kind: 'newer' }],
  [' 3', { kind: 'newer' }],
  ['2>', { kind: 'newer' }],
  ['9'.repeat(400), { kind: 'newer' }],
])('a program of layout 3 judges layout %j', ([stored, verdict]) => {
  expect(judgeLayout(stored, 3)).toEqual(verdict);
});

test('a read model of this layout, or none, may be read', () => {
  requireLayout({ layout: LAYOUT_VERSION, program: '' });
  requireLayout({ layout: '', program: '' });
});

test('one of a later layout ends the program, which says what to run', () => {
  const refusing = (program: string) => () => requireLayout({ layout: '999', program });
  expect(refusing('7.1.0')).toThrow(FatalError);
  expect(refusing('7.1.0')).toThrow(/layout 999.*run version 7\.1\.0 or later/);
  expect(refusing('')).toThrow(/run the later version that wrote it/);
  // The version beside it may be this program's own, which cannot be what to run.
  expect(refusing('7.1.0')).toThrow(/if this is that version, the later one that wrote it/);
});

test('one of an older layout is waited for', () => {
  const refusing = () => requireLayout({ layout: '0', program: '' });
  expect(refusing).toThrow(OlderLayoutError);
  expect(refusing).toThrow(/start a projector of this version/);
});

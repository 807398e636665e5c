import { expect, test } from 'vitest';
import { EmitBar } from '../../../src/cli/emit/bar.ts';
import { fakeTerminal } from './emitting.ts';

const NOTHING = { appended: 0, repeated: 0, refused: 0 };

test('a bar shows what part of the bytes is done', () => {
  const { terminal, text } = fakeTerminal();
  const bar = new EmitBar(terminal, 200);
  bar.update(50, { ...NOTHING, appended: 3 }, 1500);
  bar.stop();
  expect(text()).toContain(`[${'='.repeat(8)}${'-'.repeat(22)}] 25%  3 events, 2/s`);
  expect(text().endsWith('\n')).toBe(true);
});

test('a file that grew is no more than all of it', () => {
  const { terminal, text } = fakeTerminal();
  const bar = new EmitBar(terminal, 200);
  bar.update(250, NOTHING, 0);
  bar.stop();
  expect(text()).toContain('] 100%  0 events');
});

test('without a size it counts', () => {
  const { terminal, text } = fakeTerminal();
  const bar = new EmitBar(terminal, undefined);
  bar.update(50, { appended: 2, repeated: 1, refused: 4 }, 1000);
  bar.stop();
  expect(text()).toContain('3 events, 3/s, 4 refused');
  expect(text()).not.toMatch(/[%[]/);
});

test('a line is written above it, and the bar drawn again', () => {
  const { terminal, text } = fakeTerminal();
  const bar = new EmitBar(terminal, 200);
  for (const line of [2, 3]) {
    bar.log(`line ${line}: is no JSON object`);
    expect(text()).toMatch(
      new RegExp(`line ${line}: is no JSON object\\n[^\\n]*\\] 0% {2}nothing yet[^\\n]*$`),
    );
  }
  bar.stop();
});

test('it leaves the terminal to break lines, and is itself no wider', () => {
  const written: string[] = [];
  const { terminal } = fakeTerminal();
  const narrow = Object.assign(terminal, { columns: 20 });
  narrow.write = ((text: string) => written.push(text)) as never;
  const bar = new EmitBar(narrow, 200);
  bar.log('x'.repeat(50));
  bar.stop();
  expect(written.join('')).not.toContain('\u001b[?7l');
  expect(written).toContain(`${'x'.repeat(50)}\n`);
  expect(written).toContain(`[${'-'.repeat(19)}`);
});

test('it leaves no handler of signals, also while it is drawn', () => {
  const before = process.listenerCount('SIGINT');
  const bar = new EmitBar(fakeTerminal().terminal, 200);
  expect(process.listenerCount('SIGINT')).toBe(before);
  bar.stop();
});

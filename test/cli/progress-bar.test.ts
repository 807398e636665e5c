import { expect, test } from 'vitest';
import { ProgressBar } from '../../src/cli/progress-bar.ts';
import { fakeTerminal } from './emit/emitting.ts';

test('a bar shows what part is done', () => {
  const { terminal, text } = fakeTerminal();
  const bar = new ProgressBar(terminal, 200);
  bar.update(50, '3 events, 2/s');
  bar.stop();
  expect(text()).toContain(`[${'='.repeat(8)}${'-'.repeat(22)}] 25%  3 events, 2/s`);
  expect(text().endsWith('\n')).toBe(true);
});

test('a file that grew is no more than all of it', () => {
  const { terminal, text } = fakeTerminal();
  const bar = new ProgressBar(terminal, 200);
  bar.update(250, '0 events');
  bar.stop();
  expect(text()).toContain('] 100%  0 events');
});

test('without a size it counts', () => {
  const { terminal, text } = fakeTerminal();
  const bar = new ProgressBar(terminal, undefined);
  bar.update(50, '3 events, 3/s, 4 refused');
  bar.stop();
  expect(text()).toContain('3 events, 3/s, 4 refused');
  expect(text()).not.toMatch(/[%[]/);
});

test('a line is written above it, and the bar drawn again', () => {
  const { terminal, text } = fakeTerminal();
  const bar = new ProgressBar(terminal, 200);
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
  const bar = new ProgressBar(narrow, 200);
  bar.log('x'.repeat(50));
  bar.stop();
  expect(written.join('')).not.toContain('\u001b[?7l');
  expect(written).toContain(`${'x'.repeat(50)}\n`);
  expect(written).toContain(`[${'-'.repeat(19)}`);
});

test('it leaves no handler of signals, also while it is drawn', () => {
  const before = process.listenerCount('SIGINT');
  const bar = new ProgressBar(fakeTerminal().terminal, 200);
  expect(process.listenerCount('SIGINT')).toBe(before);
  bar.stop();
});

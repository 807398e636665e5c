import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';

/**
 * Waits for the end of its standard input, which the kernel brings about when this process is gone
 * in whatever way, SIGKILL included; then kills the child it was last told of and removes the
 * directory. A line tells it a child's process id, an empty line that the child is gone.
 */
const GUARD = `
while read -r line; do child=$line; done
[ -n "$child" ] && kill -9 "$child"
rm -rf -- "$1"
`;

/** Sees to it that neither a child process nor its directory outlives this process. */
export interface ProcessGuard {
  watch(processId: number): void;
  unwatch(): void;
  /** Removes the directory (and kills what is still watched); resolves when that is done. */
  end(): Promise<void>;
}

/**
 * The guard is detached, in a session of its own: Ctrl-C in a terminal and a closed terminal signal
 * the whole foreground group, and it must outlive that. It keeps no event loop alive.
 */
export function guardProcess(directory: string): ProcessGuard {
  const guard = spawn('/bin/sh', ['-c', GUARD, 'process-guard', directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const exited = once(guard, 'exit');
  // Reported by `end`; before that nobody waits for it.
  exited.catch(() => {});
  guard.unref();
  const input = guard.stdin as Socket;
  input.unref();
  input.on('error', () => {});
  return {
    watch: (processId) => input.write(`${processId}\n`),
    unwatch: () => input.write('\n'),
    end: async () => {
      guard.ref();
      input.end();
      await exited;
    },
  };
}

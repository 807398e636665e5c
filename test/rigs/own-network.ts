import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Set within the network that `inOwnNetwork` makes. */
const MARK = 'TASKTRAIL_RIG_NETWORK';

const [UNSHARE, ...ITS_ARGUMENTS] = ['unshare', '--map-root-user', '--net', 'sh', '-c'] as const;

/**
 * What makes the loopback device like a wire. Packets as on Ethernet: on a loopback device of 64 KiB
 * a client that reads nothing is given 4 MB by the kernel before the server notices. Of the kernel's
 * memory of one socket, a client begins with little, and the server has what docs/deployment.md
 * advises.
 */
const SETTINGS = [
  'ip link set lo mtu 1500 up',
  'echo 4096 16384 262144 > /proc/sys/net/ipv4/tcp_wmem',
  'echo 4096 32768 4194304 > /proc/sys/net/ipv4/tcp_rmem',
  'echo 10000 65000 > /proc/sys/net/ipv4/ip_local_port_range',
].join(' && ');

/**
 * Runs the program again within a network of its own, where the system lets everybody make one, and
 * ends as that ends. Within it, or where none can be made, it returns which of the two; for the
 * latter it says what is missing and what that means.
 */
export async function inOwnNetwork(): Promise<'own' | 'shared'> {
  if (process.env[MARK] !== undefined) return 'own';
  const missing = findMissing();
  if (missing !== undefined) {
    console.log(
      `goes on without a network of its own: ${missing}. On the loopback device of all the kernel ` +
        'takes megabytes for a client that does not read, so that fewer are parked, or none',
    );
    return 'shared';
  }
  const command = `${SETTINGS} && exec "$@"`;
  const program = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn(UNSHARE, [...ITS_ARGUMENTS, command, 'sh', ...program], {
    stdio: 'inherit',
    env: { ...process.env, [MARK]: 'own' },
  });
  // Ctrl-C reaches both; this one waits until the other has put away what it started.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const [code] = await once(child, 'close');
  process.exit(code ?? 1);
}

/** Why no network can be made, with the remedy; undefined where one can. */
function findMissing(): string | undefined {
  if (process.platform !== 'linux') return `${process.platform} has no network namespaces`;
  const attempt = (command: string) =>
    spawnSync(UNSHARE, [...ITS_ARGUMENTS, command], { encoding: 'utf8' });
  const made = attempt('true');
  if (made.error !== undefined) return 'unshare is not installed (package util-linux)';
  if (made.status !== 0) {
    return `the system does not let this user make one (${firstLine(made.stderr)}); root may`;
  }
  if (attempt('command -v ip').status !== 0) return 'ip is not installed (package iproute2)';
  const set = attempt(SETTINGS);
  return set.status === 0 ? undefined : `it cannot be set up (${firstLine(set.stderr)})`;
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}

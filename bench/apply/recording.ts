import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';

/** Stands between a program and its Redis, and writes down what each connection sends. */
export class Recording implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  readonly #files: WriteStream[] = [];

  /** @param directory where a file for each connection is written */
  static async start(redisUrl: string, directory: string): Promise<Recording> {
    const { hostname, port } = new URL(redisUrl);
    const recording = new Recording(hostname, Number(port), directory);
    recording.#server.listen(0, '127.0.0.1');
    await once(recording.#server, 'listening');
    return recording;
  }

  private constructor(host: string, port: number, directory: string) {
    this.#server = createServer({ noDelay: true }, (client) => {
      const file = createWriteStream(join(directory, `connection-${this.#files.length}`));
      const redis = connect({ host, port, noDelay: true });
      client.pipe(redis).pipe(client);
      client.pipe(file);
      // Who goes first takes the other along.
      client.on('error', () => redis.destroy()).on('close', () => redis.destroy());
      redis.on('error', () => client.destroy()).on('close', () => client.destroy());
      this.#files.push(file);
      this.#sockets.push(client, redis);
    });
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Once the program is gone: the file of the connection that sent most. */
  async largest(): Promise<string> {
    const sizes = await Promise.all(
      this.#files.map(async (file) => {
        file.end();
        await finished(file).catch(() => undefined);
        const path = String(file.path);
        return { path, size: (await stat(path)).size };
      }),
    );
    const [largest] = sizes.sort((a, b) => b.size - a.size);
    if (largest === undefined) throw new Error('nothing was recorded');
    return largest.path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import S3rver from '@20minutes/s3rver';
import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { onTestFinished, vi } from 'vitest';
import { makeDirectory } from './directory.ts';

const BUCKET = 'configuration';
const KEY = 'tasktrail/projects.json';
/** The only credentials that the server knows. */
const KEYS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };

export const ADDRESS = `s3://${BUCKET}/${KEY}`;

/** An S3 server with one bucket, in this process, that can go away and come back on its port. */
export class S3Store {
  readonly directory: string;
  /** Of every GET: what was asked and answered. */
  readonly reads: { readonly request: IncomingMessage; readonly status: number }[] = [];
  readonly #connections = new Set<Socket>();
  readonly #answers = new Set<ServerResponse>();
  #server: S3rver | undefined;
  #port = 0;

  constructor(directory: string) {
    this.directory = directory;
  }

  get endpoint(): string {
    return `http://localhost:${this.#port}`;
  }

  async start(): Promise<void> {
    const server = new S3rver({
      address: '127.0.0.1',
      port: this.#port,
      directory: this.directory,
      silent: true,
      configureBuckets: [{ name: BUCKET }],
    });
    // One request at a time: in S3 a reader sees an object before or after a write, not amid it.
    let turn: Promise<unknown> = Promise.resolve();
    server.middleware.unshift(async ({ res }, next) => {
      const before = turn;
      turn = once(res, 'close');
      await before;
      await next();
    });
    this.#port = (await server.run()).port;
    this.#server = server;
    server.httpServer.on('connection', (socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
    });
    server.httpServer.on('request', (request, response) => {
      this.#answers.add(response);
      response.once('close', () => this.#answers.delete(response));
      if (request.method !== 'GET') return;
      response.once('finish', () => this.reads.push({ request, status: response.statusCode }));
    });
  }

  /** It answers nobody any more, and its connections are cut. What it stored stays. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = server.close();
    // What is being answered comes first: the server complains about answers after its end.
    await Promise.all([...this.#answers].map((answer) => once(answer, 'close')));
    server.httpServer.closeAllConnections();
    await closed;
  }

  /** Resolves when every client has closed its connections. */
  async whenDeserted(): Promise<void> {
    await Promise.all([...this.#connections].map((socket) => once(socket, 'close')));
  }

  async put(body: string): Promise<void> {
    const command = new PutObjectCommand({ Bucket: BUCKET, Key: KEY, Body: body });
    await this.#withClient((client) => client.send(command));
  }

  async remove(): Promise<void> {
    const command = new DeleteObjectCommand({ Bucket: BUCKET, Key: KEY });
    await this.#withClient((client) => client.send(command));
  }

  async #withClient(work: (client: S3Client) => Promise<unknown>): Promise<void> {
    const client = new S3Client({
      endpoint: this.endpoint,
      forcePathStyle: true,
      region: 'us-east-1',
      credentials: KEYS,
    });
    await work(client).finally(() => client.destroy());
  }
}

/** Starts a store that ends with the test, and gives this process its credentials. */
export async function startS3Store(): Promise<S3Store> {
  useCredentials();
  const store = new S3Store(await makeDirectory());
  onTestFinished(() => store.stop());
  await store.start();
  return store;
}

/** Credentials in the environment, and nothing else that the SDK might find on this machine. */
export function useCredentials(): void {
  vi.stubEnv('AWS_ACCESS_KEY_ID', KEYS.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', KEYS.secretAccessKey);
  vi.stubEnv('AWS_SESSION_TOKEN', undefined);
  vi.stubEnv('AWS_REGION', undefined);
  vi.stubEnv('AWS_PROFILE', undefined);
  vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
}

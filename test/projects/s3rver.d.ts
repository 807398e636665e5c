/** What the tests use of a package that ships no types. */
declare module '@20minutes/s3rver' {
  import type { Server, ServerResponse } from 'node:http';
  import type { AddressInfo } from 'node:net';

  export default class S3rver {
    /** Koa's: the first one is called first. It can be added to until `run`. */
    readonly middleware: ((
      context: { readonly res: ServerResponse },
      next: () => Promise<void>,
    ) => Promise<void>)[];
    /** Set by `run`. */
    readonly httpServer: Server;
    constructor(options: {
      readonly address: string;
      readonly port: number;
      readonly directory: string;
      readonly silent: boolean;
      readonly configureBuckets: readonly { readonly name: string }[];
    });
    run(): Promise<AddressInfo>;
    /** Resolves when the last connection is gone. */
    close(): Promise<void>;
  }
}

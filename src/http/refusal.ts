import { ERROR_CODES, type ErrorCode } from '@tasktrail/contract';

interface RefusalOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** For the log alone, where the code says too little. */
  readonly reason?: string;
  /** Where HTTP has a status that says more than that of the code. */
  readonly status?: number | undefined;
}

/** A request that is refused by this stage itself. The message tells its sender what to do. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: ErrorCode;
  readonly headers: Readonly<Record<string, string>>;
  readonly reason: string;
  readonly status: number | undefined;

  constructor(
    code: ErrorCode,
    message: string = ERROR_CODES[code],
    { headers = {}, reason = code, status }: RefusalOptions = {},
  ) {
    super(message);
    this.code = code;
    this.headers = headers;
    this.reason = reason;
    this.status = status;
  }
}

/** The connection ended before the body did, so there is nobody left to answer. */
export class BodyAbortedError extends Error {
  override readonly name = 'BodyAbortedError';
}

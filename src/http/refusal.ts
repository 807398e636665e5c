import type { ErrorCode } from '@tasktrail/contract';

/** A request that is refused by this stage itself. The message tells its sender what to do. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A path that exists, asked with a method that it does not have. */
export class MethodRefusal extends Error {
  override readonly name = 'MethodRefusal';
  /** The value of the Allow header. */
  readonly allow: string;

  constructor(allow: string) {
    super(`this path can be asked with ${allow}`);
    this.allow = allow;
  }
}

import { type DestinationStream, type Logger, destination as openDestination, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';

/**
 * Logs: one JSON object a line, or coloured text on a terminal, written synchronously so that the
 * last words of a crash are there.
 *
 * Whoever logs leaves secrets out. Three nets catch what slips through: fields that hold secrets
 * are replaced, errors are reduced to fields known to be harmless, and every finished line is
 * searched for the shapes of secrets.
 */
interface LoggingOptions {
  readonly level: string;
  /** Coloured text for a person instead of JSON. */
  readonly pretty: boolean;
  /** Where lines go; standard output when absent. */
  readonly destination?: DestinationStream;
}

const REDACTED = '[redacted]';

const SECRET_FIELDS = ['authorization', 'authToken', 'token', 'password', 'cookie'];

export function createLogger({ level, pretty, destination }: LoggingOptions): Logger {
  const lines = destination ?? openDestination({ fd: 1, sync: true });
  return pino(
    {
      level,
      // The process id and the host are known to whoever collects the lines.
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError, error: describeError },
      redact: {
        paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        censor: REDACTED,
      },
      hooks: { streamWrite: scrubSecrets },
    },
    pretty ? prettyLines(lines) : lines,
  );
}

/** What of an error is logged. Objects in its fields are left out: ioredis keeps commands there. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error))
    return typeof error === 'object' ? '[not an error]' : String(error);
  const described: Record<string, unknown> = { type: error.name };
  for (const [name, value] of Object.entries(error)) {
    if (isHarmless(value) && !SECRET_FIELDS.includes(name)) described[name] = value;
  }
  described.message = error.message;
  described.stack = error.stack;
  if (depth < MAX_CAUSES) {
    if (error.cause !== undefined) described.cause = describeError(error.cause, depth + 1);
    if (error instanceof AggregateError) {
      described.errors = error.errors.map((each) => describeError(each, depth + 1));
    }
  }
  return described;
}

/** A chain of causes may be a circle. */
const MAX_CAUSES = 5;

function isHarmless(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/**
 * Replaces what looks like a secret: a JSON Web Token, a bearer token, an API key, the signature of
 * a webhook, the value of `authToken`, the user information of a URL. None of the patterns reaches
 * past the end of a JSON string, nor asks for a boundary before it, where an escape may stand.
 */
function scrubSecrets(line: string): string {
  return line
    .replace(/eyJ[\w-]{5,}(?:\.[\w-]*){1,2}/g, REDACTED)
    .replace(/ttk_[\w-]+/g, REDACTED)
    .replace(/(sha256(?:=|%3D))[0-9a-f]{64}/gi, `$1${REDACTED}`)
    .replace(/(bearer\s+)[\w.~+/=-]+/gi, `$1${REDACTED}`)
    .replace(/(authToken(?:=|%3D))[^&\s"\\]+/gi, `$1${REDACTED}`)
    .replace(/(:\/\/)[^\s"\\]*@/g, `$1${REDACTED}@`);
}

function prettyLines(destination: DestinationStream): DestinationStream {
  const prettify = prettyFactory({ colorize: true, translateTime: 'SYS:HH:MM:ss.l' });
  return { write: (line) => destination.write(prettify(line)) };
}

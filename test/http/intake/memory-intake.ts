import { type EventResult, judgeEvent, parseStreamId } from '@tasktrail/contract';
import {
  CertificatesUnavailableError,
  type Producer,
  type ProducerAuthenticator,
  ProducerRefusedError,
} from '../../../src/auth/auth.ts';
import type { IntakeDependencies } from '../../../src/http/intake/intake-http.ts';
import {
  type EventsRequest,
  type Intake,
  MAX_EVENTS,
  type RateKind,
  type RateLimits,
  type WebhookRequest,
} from '../../../src/intake/intake.ts';
import type { Metrics } from '../../../src/runtime/metrics.ts';

/** Stages behind the routes of intake that live in memory, and what they were asked. */
export class MemoryIntake implements Intake, RateLimits {
  /** Every event that was appended, in order. */
  readonly appended: unknown[] = [];
  readonly eventsRequests: EventsRequest[] = [];
  readonly webhookRequests: WebhookRequest[] = [];
  /** `address 127.0.0.1`, `producer ci`, … */
  readonly counted: string[] = [];
  /** What is over its limit, and how long it must wait. */
  readonly limited = new Map<string, number>();
  /** Awaited before anything is appended. */
  beforeAppend: () => void | Promise<void> = () => undefined;
  readonly #requests = new Map<string, { body: string; results: EventResult[] }>();

  async count(kind: RateKind, name: string) {
    this.counted.push(`${kind} ${name}`);
    const retryAfterMs = this.limited.get(`${kind} ${name}`);
    return retryAfterMs === undefined
      ? ({ kind: 'passed' } as const)
      : ({ kind: 'limited', retryAfterMs } as const);
  }

  async acceptEvents(request: EventsRequest) {
    this.eventsRequests.push(request);
    await this.beforeAppend();
    const { mediaType, idempotencyKey: key = '' } = request;
    const body = request.body.toString();
    const earlier = this.#requests.get(key);
    if (earlier !== undefined) {
      return earlier.body === body
        ? ({ kind: 'results', results: earlier.results, isRepeat: true } as const)
        : ({ kind: 'key_reused' } as const);
    }
    const parsed = parse(mediaType === 'application/x-ndjson' ? asArray(body) : body);
    if (parsed === undefined) return { kind: 'invalid_body', reason: 'is no JSON' } as const;
    const events = [parsed.value].flat();
    if (events.length > MAX_EVENTS) return { kind: 'too_many_events', max: MAX_EVENTS } as const;
    const results = events.map((event) => this.#append(event));
    if (key !== '') this.#requests.set(key, { body, results });
    return { kind: 'results', results, isRepeat: false } as const;
  }

  /** Of a webhook only the headers count: its name says what becomes of it. */
  async acceptWebhook(request: WebhookRequest) {
    this.webhookRequests.push(request);
    const { header, admit, body } = request;
    if (header('x-signature') !== 'good') return { kind: 'bad_signature' } as const;
    await admit();
    await this.beforeAppend();
    switch (header('x-name')) {
      case 'unmapped':
        return { kind: 'unmapped', reason: 'nothing is\r\nmapped of "ünmapped"' } as const;
      case 'ignored':
        return { kind: 'results', results: [], reason: 'no pull request\nhas it' } as const;
      case 'invalid':
        return { kind: 'invalid_body', reason: 'is no JSON' } as const;
      default:
        this.appended.push(body.toString());
        return { kind: 'results', results: [this.#id()], reason: undefined } as const;
    }
  }

  #append(value: unknown): EventResult {
    const judged = judgeEvent(value, Date.now());
    if (judged.kind === 'event') {
      this.appended.push(judged.event);
      return this.#id();
    }
    const { field, detail } = judged.problem;
    return { error: { field, reason: 'invalid_value', detail } };
  }

  #id(): EventResult {
    return { id: parseStreamId(`1795211160000-${this.appended.length}`)! };
  }
}

function asArray(lines: string): string {
  return `[${lines.trim().split('\n').join()}]`;
}

function parse(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

const ci: Producer = { name: 'ci', mayWrite: () => true, mayWriteAll: true };
const other: Producer = { ...ci, name: 'other' };

/** Tokens that mean what their names say. */
const memoryProducers: ProducerAuthenticator = {
  async authenticateProducer(token) {
    if (token === 'ttk_valid') return ci;
    if (token === 'ttk_other') return other;
    if (token === 'viewer') throw new ProducerRefusedError('forbidden', 'not_a_producer');
    if (token === 'certificates-away') throw new CertificatesUnavailableError('no certificates');
    throw new ProducerRefusedError('unauthorized', 'unknown_api_key');
  },
};

export function memoryIntake(metrics: Metrics, stages: MemoryIntake): IntakeDependencies {
  const { intake } = metrics;
  return { intake: stages, producers: memoryProducers, limits: stages, metrics: intake };
}

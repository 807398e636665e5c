import { type EventRefusal, TaskEventSchema, TaskStatusSchema } from '@tasktrail/contract';
import { z } from 'zod';
import { digestOf } from '../../redis/append-once.ts';
import { decodeJson, type EventItem } from './event-body.ts';

/**
 * CloudEvents 1.0 in their JSON format, single or in a batch: `data` is the event, and attributes
 * fill what it leaves out. Attributes that are null are unset, those that are not named here are
 * ignored, as the format says. (PROTOCOL.md, "Events over HTTP")
 */

const AttributeSchema = z.string('must be a text').min(1, 'must not be empty');

const AttributesSchema = z.object({
  specversion: AttributeSchema.refine((version) => version === '1.0', 'must be "1.0"'),
  id: AttributeSchema,
  source: AttributeSchema,
  type: AttributeSchema,
  subject: AttributeSchema.nullish(),
  time: AttributeSchema.nullish(),
  datacontenttype: AttributeSchema.nullish(),
});

type Attributes = z.output<typeof AttributesSchema>;

const { executionId: ExecutionIdSchema, occurredAt: TimeSchema, eventId } = TaskEventSchema.shape;

/** Gives the event that a CloudEvent carries, which is then judged as any other. */
export function readCloudEvent(value: unknown): EventItem {
  if (!isObject(value)) return refused('invalid_value', '', 'a CloudEvent must be a JSON object');
  const parsed = AttributesSchema.safeParse(value);
  if (!parsed.success) return fromIssue(parsed.error.issues[0] as z.core.$ZodIssue, value);
  const attributes = parsed.data;
  const carried = readData(value, attributes);
  if (carried.kind === 'refused') return carried;
  const { value: data } = carried;
  if (!isObject(data)) return refused('invalid_value', 'data', 'must be a JSON object: the event');
  return fill(data, attributes);
}

/** `data` as it stands, or `data_base64` decoded; null, which leaves everything out, is empty. */
function readData(cloudEvent: object, { datacontenttype }: Attributes): EventItem {
  const { data, data_base64: base64 } = cloudEvent as Readonly<Record<string, unknown>>;
  const hasData = data !== undefined && data !== null;
  const hasBytes = base64 !== undefined && base64 !== null;
  if (!hasData && !hasBytes) return { kind: 'value', value: {} };
  if (hasData && hasBytes) {
    return refused('invalid_value', 'data_base64', 'must not come together with data');
  }
  if (!isJsonType(datacontenttype ?? 'application/json')) {
    const detail = 'must be application/json, or end in +json';
    return refused('invalid_value', 'datacontenttype', detail);
  }
  return hasBytes ? decodeBase64(base64) : { kind: 'value', value: data };
}

/** As the format defines it: a media type `*` `/json` or with the suffix `+json`, parameters aside. */
function isJsonType(mediaType: string): boolean {
  return /^[^\s/;]+\/([^\s/;]+\+)?json\s*(;|$)/i.test(mediaType);
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function decodeBase64(base64: unknown): EventItem {
  // Node skips what is no base64, and would so read something else than was sent.
  if (typeof base64 !== 'string' || base64.length % 4 !== 0 || !BASE64.test(base64)) {
    return refused('invalid_value', 'data_base64', 'must be a text in base64, with padding');
  }
  const decoded = decodeJson(Buffer.from(base64, 'base64'));
  switch (decoded.kind) {
    case 'json':
      return { kind: 'value', value: decoded.value };
    case 'not_utf8':
      return refused('not_utf8', 'data_base64', 'must be UTF-8 once it is decoded');
    case 'empty':
    case 'not_json':
      return refused('not_json', 'data_base64', 'must be JSON once it is decoded');
  }
}

function fill(data: object, attributes: Attributes): EventItem {
  const { subject, time } = attributes;
  const filled = new Map<string, unknown>(Object.entries(data));
  if (!filled.has('executionId') && subject) {
    const { error } = ExecutionIdSchema.safeParse(subject);
    if (error) return refused('invalid_value', 'subject', problemOf(error));
    filled.set('executionId', subject);
  }
  if (!filled.has('occurredAt') && time) {
    const { error } = TimeSchema.safeParse(time);
    if (error) return refused('invalid_value', 'time', problemOf(error));
    filled.set('occurredAt', time);
  }
  // An empty text counts as absent in these two.
  if ((filled.get('eventId') ?? '') === '') filled.set('eventId', eventIdOf(attributes));
  const status = statusOf(attributes.type);
  if ((filled.get('status') ?? '') === '' && status) filled.set('status', status);
  return { kind: 'value', value: Object.fromEntries(filled) };
}

/**
 * Source and id together are what is unique. They are spelled out where that is a valid event id
 * and nobody else's: the last `#` must be the one between them.
 */
function eventIdOf({ source, id }: Attributes): string {
  const spelled = `${source}#${id}`;
  const isUnique = !id.includes('#') && spelled.isWellFormed();
  return isUnique && eventId.safeParse(spelled).success ? spelled : digestOf(source, id);
}

function statusOf(type: string): string | undefined {
  return TaskStatusSchema.safeParse(type.slice(type.lastIndexOf('.') + 1)).data;
}

function fromIssue(issue: z.core.$ZodIssue, value: object): EventItem {
  const name = String(issue.path[0]);
  const given = (value as Readonly<Record<string, unknown>>)[name];
  return given === undefined || given === null
    ? refused('missing_field', name, 'is required of a CloudEvent')
    : refused('invalid_value', name, issue.message);
}

function problemOf(error: z.ZodError): string {
  return (error.issues[0] as z.core.$ZodIssue).message;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(reason: EventRefusal['reason'], field: string, detail: string): EventItem {
  return { kind: 'refused', refusal: { field, reason, detail } };
}

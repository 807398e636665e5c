import { createHash } from 'node:crypto';
import {
  ErrorBodySchema,
  EventResultsSchema,
  FRAME_SCHEMAS,
  INVALID_REASONS,
  MAX_ENTRY_BYTES,
  PageCursorSchema,
  PositionSchema,
  PROTOCOL_VERSION,
  ProjectListSchema,
  StreamIdSchema,
  TaskChangeSchema,
  TaskEventSchema,
  TaskItemSchema,
  TaskPageSchema,
} from '@tasktrail/contract';
import { expect, test } from 'vitest';
import { z } from 'zod';

/** The wire of this protocol version. */
const PINNED = {
  version: 1,
  hash: '2697dc3ca9e7c1ea',
};

const WHAT_TO_DO = `
The schemas of what crosses the wire are not those of protocol version ${PINNED.version}.

If nobody meant to change the wire, undo the change of the schemas. If it was meant:
1. Would a client, bot or server of version ${PINNED.version} misread the new form, or the new one the old?
   Then raise PROTOCOL_VERSION in packages/contract/src/protocol.ts. A new optional field is no such case.
2. Say what changed in PROTOCOL.md and CHANGELOG.md.
3. Put the version and the hash that this test received into PINNED above.
If only zod was updated, compare the two JSON Schemas first: it may have changed how it writes them.`;

/** Everything that others than this program write or read. */
const WIRE = {
  event: schemaOf(TaskEventSchema, 'input'),
  normalizedEvent: schemaOf(TaskEventSchema, 'output'),
  item: schemaOf(TaskItemSchema, 'output'),
  change: schemaOf(TaskChangeSchema, 'output'),
  frames: Object.fromEntries(
    Object.entries(FRAME_SCHEMAS).map(([name, schema]) => [name, schemaOf(schema, 'output')]),
  ),
  page: schemaOf(TaskPageSchema, 'output'),
  projectList: schemaOf(ProjectListSchema, 'output'),
  errorBody: schemaOf(ErrorBodySchema, 'output'),
  eventResults: schemaOf(EventResultsSchema, 'output'),
  position: schemaOf(PositionSchema, 'output'),
  streamId: schemaOf(StreamIdSchema, 'output'),
  pageCursor: schemaOf(PageCursorSchema, 'output'),
  invalidReasons: INVALID_REASONS,
  maxEntryBytes: MAX_ENTRY_BYTES,
};

test('the wire is that of the protocol version', () => {
  const hash = createHash('sha256').update(stable(WIRE)).digest('hex').slice(0, 16);
  expect({ version: PROTOCOL_VERSION, hash }, WHAT_TO_DO).toEqual(PINNED);
});

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): unknown {
  // What a transformation or a check of our own makes of a value has no JSON Schema; the tables of
  // this folder's other tests pin it.
  return z.toJSONSchema(schema, { io, unrepresentable: 'any' });
}

/** Words for people, and where shared parts are written, may change without the wire changing. */
const NO_PART_OF_THE_WIRE = new Set(['$schema', 'description', 'example', 'examples', 'id']);

/** JSON in which the order of names is always the same. */
function stable(value: unknown, isNames = false): string {
  if (Array.isArray(value)) return `[${value.map((part) => stable(part)).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const parts = Object.entries(value)
    // Under `properties` these are names of fields.
    .filter(([name]) => isNames || !NO_PART_OF_THE_WIRE.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, part]) => `${JSON.stringify(name)}:${stable(part, name === 'properties')}`);
  return `{${parts.join()}}`;
}

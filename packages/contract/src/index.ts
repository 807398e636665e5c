/** What crosses a boundary of Tasktrail. PROTOCOL.md says in words what these schemas check. */
export { type TaskChange, TaskChangeSchema } from './change.ts';
export { ERROR_CODES, type ErrorBody, ErrorBodySchema, type ErrorCode } from './errors.ts';
export {
  type TaskEvent,
  type TaskEventField,
  type TaskEventInput,
  TaskEventSchema,
} from './event.ts';
export {
  type DecodedEntry,
  decodeEntry,
  EVENTS_STREAM,
  encodeEntry,
  INVALID_REASONS,
  type InvalidEntry,
  isTooLarge,
  judgeEvent,
  MAX_ENTRY_BYTES,
} from './event-entry.ts';
export {
  type EventRefusal,
  EventRefusalSchema,
  type EventResult,
  EventResultSchema,
  type EventResults,
  EventResultsSchema,
  REFUSAL_REASONS,
} from './event-results.ts';
export {
  FRAME_SCHEMAS,
  type FrameData,
  type FrameName,
  KeepaliveSchema,
  type ReconnectReason,
  ReconnectSchema,
  type RefreshReason,
  type RemovalReason,
  SnapshotRefreshRequiredSchema,
  TaskRemovedSchema,
  TaskStatusUpdatedSchema,
} from './frame.ts';
export {
  PageCursorSchema,
  type ProjectListItem,
  ProjectListItemSchema,
  ProjectListSchema,
  type TaskPage,
  TaskPageSchema,
} from './pages.ts';
export {
  type ClientPosition,
  formatPosition,
  type Position,
  PositionSchema,
  parsePosition,
} from './position.ts';
export { normalizePrincipal, type Principal, PrincipalSchema, principalOf } from './principal.ts';
export { PROTOCOL_VERSION } from './protocol.ts';
export { isTerminal, TASK_STATUSES, type TaskStatus, TaskStatusSchema } from './status.ts';
export {
  compareStreamIds,
  laterStreamId,
  parseStreamId,
  STREAM_START,
  type StreamId,
  streamIdTimeMs,
} from './stream-id.ts';
export { type Actor, ExecutionIdSchema, ProjectSchema, type Visibility } from './task-fields.ts';
export { StreamIdSchema, type TaskItem, TaskItemSchema } from './task-item.ts';

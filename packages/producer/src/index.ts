/** What a bot installs: task events are validated, batched and appended; none is lost meanwhile. */
export type { StreamId, TaskEventInput, TaskStatus } from '@tasktrail/contract';
export type { PipelineClient } from './connection.ts';
export type { AppendInput } from './entry.ts';
export {
  AppendDelayedError,
  AppendRefusedError,
  BufferFullError,
  InvalidEventError,
  NotSentError,
  ProducerClosedError,
  ProducerError,
  RunStateError,
} from './errors.ts';
export type { ProducerOptions } from './options.ts';
export { TaskProducer } from './producer.ts';
export type { Run, RunFields, RunOptions, RunState } from './run.ts';

import { MAX_WAITING_BYTES } from '../../../src/http/sse/frame-writer.ts';

/** What the memory of a server depends on, by its settings and what its tasks say. */
export interface MemoryFactors {
  /** Open streams: TASK_DASHBOARD_MAX_STREAMS at most. */
  readonly streams: number;
  /** Changes that are kept for streams that resume: TASK_DASHBOARD_REPLAY_LIMIT. */
  readonly replayLimit: number;
  /** Of a change as it goes over the wire. */
  readonly frameBytes: number;
}

/** A connection, its request, its stream and its place in the indexes of the hub. */
const STREAM_BYTES = 24 * 1024;
/** The window drops what has left it once that is as much as it keeps. */
const WINDOWS = 2;
/** A task as objects, and the frames of it: one for each state that it had for somebody before. */
const COPIES = 4;
/** What was freed stays with the process until it is collected, and then with the allocator. */
const GARBAGE = 2;
/** By so much V8 and malloc let a process of this size grow before they look for what is free. */
const IDLE_BYTES = 256 * 1024 * 1024;

/**
 * The most bytes by which streams make a server larger, whatever their clients do:
 *
 *     256 MiB + 2 × (streams × (64 KiB + frame + 24 KiB) + 2 × replay limit × 4 × frame)
 *
 * 64 KiB and the one frame with which it becomes too much wait for a client at most; then it is
 * parked. (PROTOCOL.md, "The stream")
 */
export function boundOfStreams({ streams, replayLimit, frameBytes }: MemoryFactors): number {
  const waiting = streams * (MAX_WAITING_BYTES + frameBytes + STREAM_BYTES);
  const kept = WINDOWS * replayLimit * COPIES * frameBytes;
  return IDLE_BYTES + GARBAGE * (waiting + kept);
}

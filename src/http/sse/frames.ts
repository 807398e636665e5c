import { type FrameData, type FrameName, formatPosition, type Position } from '@tasktrail/contract';
import type { ToldChange } from '../../hub/change-view.ts';
import type { PlacedChange } from '../../hub/hub.ts';
import { MAX_WAITING_BYTES } from './frame-writer.ts';

/** Frames of the stream as bytes. (PROTOCOL.md, "The stream") */

/**
 * @param position absent only where the server has none to give and the client has none to keep
 */
export function encodeFrame<N extends FrameName>(
  name: N,
  position: Position | undefined,
  data: FrameData[N],
): Buffer {
  const id = position === undefined ? '' : `id: ${formatPosition(position)}\n`;
  return Buffer.from(`${id}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** How long an EventSource waits before it reconnects, in milliseconds. */
export function encodeRetry(retryMs: number): Buffer {
  return Buffer.from(`retry: ${Math.round(retryMs)}\n\n`);
}

type ToldView = ToldChange['view'];

/** What a viewer is told, which is something. */
type Told = readonly [ToldChange, ...ToldChange[]];

export function isTold(told: readonly ToldChange[]): told is Told {
  return told.length > 0;
}

/** As many frames as may be written before it must be known whether the client keeps up. */
export interface Piece {
  readonly frames: readonly Buffer[];
  /** Where the client is once it has them. */
  readonly last: Position;
  readonly rest: readonly ToldChange[];
}

/**
 * Encodes each change once, however many viewers are told of it: they differ only in whether the
 * task passed for them before. What was encoded goes when the change leaves the replay window.
 */
export class ChangeFrames {
  readonly #encoded = new WeakMap<PlacedChange, Map<string, Buffer>>();
  readonly #shared = new WeakMap<readonly ToldChange[], Piece>();

  encode(placed: PlacedChange, view: ToldView): Buffer {
    const variant = view.kind === 'updated' ? (view.previousStatus ?? 'new') : view.reason;
    let variants = this.#encoded.get(placed);
    if (variants === undefined) {
      variants = new Map();
      this.#encoded.set(placed, variants);
    }
    let frame = variants.get(variant);
    if (frame === undefined) {
      frame = encodeView(placed, view);
      variants.set(variant, frame);
    }
    return frame;
  }

  /**
   * The beginning of what many are told: one Buffer, which is the cheapest write. They share it; with
   * a copy for each of thousands the collector would never rest.
   */
  sharedPiece(told: Told): Piece {
    let piece = this.#shared.get(told);
    if (piece === undefined) {
      piece = this.piece(told, 0);
      if (piece.frames.length > 1) piece = { ...piece, frames: [Buffer.concat(piece.frames)] };
      this.#shared.set(told, piece);
    }
    return piece;
  }

  /**
   * The beginning of what one viewer is told.
   *
   * @param waitingBytes what waits for it already
   */
  piece(told: Told, waitingBytes: number): Piece {
    let bytes = waitingBytes;
    let count = 0;
    const frames: Buffer[] = [];
    for (const { placed, view } of told) {
      const frame = this.encode(placed, view);
      frames.push(frame);
      bytes += frame.length;
      count += 1;
      if (bytes > MAX_WAITING_BYTES) break;
    }
    const last = told[count - 1]?.placed ?? told[0].placed;
    return { frames, last: last.position, rest: told.slice(count) };
  }
}

function encodeView({ position, change }: PlacedChange, view: ToldView): Buffer {
  const { item } = change;
  if (view.kind === 'updated') {
    const { previousStatus } = view;
    return encodeFrame('task_status_updated', position, { ...item, previousStatus });
  }
  const { executionId, project, lastEventId } = item;
  const { reason } = view;
  return encodeFrame('task_removed', position, { executionId, project, reason, lastEventId });
}

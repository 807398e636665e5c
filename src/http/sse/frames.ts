import { type FrameData, type FrameName, formatPosition, type Position } from '@tasktrail/contract';
import type { ChangeView } from '../../hub/change-view.ts';
import type { PlacedChange } from '../../hub/hub.ts';

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

type ToldView = Exclude<ChangeView, { readonly kind: 'nothing' }>;

/**
 * Encodes each change once, however many viewers are told of it: they differ only in whether the
 * task passed for them before. What was encoded goes when the change leaves the replay window.
 */
export class ChangeFrames {
  readonly #encoded = new WeakMap<PlacedChange, Map<string, Buffer>>();
  #joined: { readonly frames: readonly Buffer[]; readonly whole: Buffer } | undefined;

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
   * Frames of one turn as one Buffer, which is the cheapest write; undefined: there are none. Viewers
   * who are told the same share it: with a copy for each of thousands the collector would never rest.
   */
  join(frames: readonly Buffer[]): Buffer | undefined {
    if (frames.length < 2) return frames[0];
    if (this.#joined === undefined || !areSame(this.#joined.frames, frames)) {
      this.#joined = { frames, whole: Buffer.concat(frames) };
    }
    return this.#joined.whole;
  }
}

function areSame(some: readonly Buffer[], others: readonly Buffer[]): boolean {
  return some.length === others.length && some.every((frame, index) => frame === others[index]);
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

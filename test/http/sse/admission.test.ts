import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StreamCounts } from '../../../src/http/sse/admission.ts';

const LIMITS = { maxStreams: 4, maxStreamsPerViewer: 2, maxStreamsPerIp: 3 };

interface Opened {
  readonly viewer: string;
  readonly address: string;
}

const requests = fc.record({
  viewer: fc.constantFrom('ana', 'ben', 'eve', 'dan', 'fay'),
  address: fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1'),
  /** Which of the open streams closes first, if any. */
  closes: fc.option(fc.nat()),
});

describe('admissions', () => {
  test('are by what is open now, and counts come back to nothing', () => {
    const judged = new Set<string>();
    fc.assert(
      fc.property(fc.array(requests, { maxLength: 40, size: 'max' }), (script) => {
        const counts = new StreamCounts();
        let open: Opened[] = [];
        for (const { viewer, address, closes } of script) {
          const closing = closes === null ? undefined : open[closes % Math.max(1, open.length)];
          if (closing !== undefined) {
            open = open.filter((one) => one !== closing);
            counts.remove(closing.viewer, closing.address);
          }
          const ofViewer = open.filter((one) => one.viewer === viewer).length;
          const ofAddress = open.filter((one) => one.address === address).length;
          // What lasts is said before what passes by itself.
          const expected =
            ofViewer >= LIMITS.maxStreamsPerViewer
              ? 'viewer'
              : ofAddress >= LIMITS.maxStreamsPerIp
                ? 'address'
                : open.length >= LIMITS.maxStreams
                  ? 'capacity'
                  : 'admitted';
          expect(counts.judge(LIMITS, viewer, address)).toBe(expected);
          judged.add(expected);
          if (expected !== 'admitted') continue;
          counts.add(viewer, address);
          open.push({ viewer, address });
          expect(counts.total).toBe(open.length);
        }
        for (const { viewer, address } of open) counts.remove(viewer, address);
        expect(counts.total).toBe(0);
      }),
    );
    expect([...judged].sort()).toEqual(['address', 'admitted', 'capacity', 'viewer']);
  });
});

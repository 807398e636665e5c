import { expect, test } from 'vitest';
import { ProducerNameSchema, RESERVED_NAMES } from '../../src/auth/producers.ts';
import { FORGES } from '../../src/intake/intake.ts';

test('no producer has the name of a forge, so that entries tell who told them', () => {
  expect(RESERVED_NAMES).toEqual(FORGES);
  for (const forge of FORGES) expect(ProducerNameSchema.safeParse(forge).success).toBe(false);
});

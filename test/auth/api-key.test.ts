import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { findByApiKey, hashApiKey, isApiKey, newApiKey } from '../../src/auth/api-key.ts';

describe('a key', () => {
  test('is ttk_ and 32 random bytes', () => {
    const sizes: number[] = [];
    const key = newApiKey((size) => {
      sizes.push(size);
      return Buffer.alloc(size, 0xfb);
    });
    expect(sizes).toEqual([32]);
    expect(key).toBe(`ttk_${Buffer.alloc(32, 0xfb).toString('base64url')}`);
    expect(newApiKey(randomBytes)).toMatch(/^ttk_[\w-]{43}$/);
  });

  test('is another one each time, and told from ID tokens by how it begins', () => {
    expect(newApiKey(randomBytes)).not.toBe(newApiKey(randomBytes));
    expect(isApiKey(newApiKey(randomBytes))).toBe(true);
    expect(['', 'ttk', 'TTK_x', ' ttk_x', 'eyJhbGciOiJSUzI1NiJ9.e30.x'].some(isApiKey)).toBe(false);
  });

  test('is kept as the SHA-256 of its text', () => {
    const key = newApiKey(randomBytes);
    expect(hashApiKey(key).toString('hex')).toBe(createHash('sha256').update(key).digest('hex'));
  });
});

describe('the one whose key was presented', () => {
  const keys = [1, 2, 3].map(() => newApiKey(randomBytes));
  const candidates = keys.map((key, index) => ({ keyHash: hashApiKey(key), index }));

  test.each([0, 1, 2])('is found: %i', (index) => {
    expect(findByApiKey(keys[index]!, candidates)).toBe(candidates[index]);
  });

  test.each(['', 'ttk_', 'garbage', `${keys[0]} `, keys[0]!.slice(0, -1), `${keys[0]}A`])(
    'is nobody for "%s"',
    (presented) => {
      expect(findByApiKey(presented, candidates)).toBeUndefined();
    },
  );

  test('is nobody where there is none', () => {
    expect(findByApiKey(keys[0]!, [])).toBeUndefined();
  });

  test.each([
    ['the first key', keys[0]!],
    ['the last key', keys[2]!],
    ['an unknown key', newApiKey(randomBytes)],
    ['a malformed key', 'ttk_'],
    ['an empty text', ''],
    ['a long text', `ttk_${'x'.repeat(10_000)}`],
  ])('is looked for by comparing every whole hash with that of %s', (_, presented) => {
    const compared: [Buffer, Buffer][] = [];
    findByApiKey(presented, candidates, (a, b) => {
      compared.push([a, b]);
      return timingSafeEqual(a, b);
    });
    expect(compared.map(([stored]) => stored)).toEqual(candidates.map(({ keyHash }) => keyHash));
    for (const [, hash] of compared) expect(hash).toEqual(hashApiKey(presented));
  });
});

import { createHmac } from 'node:crypto';
import { sign } from '@octokit/webhooks-methods';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFromForge, isSigned } from '../../../src/intake/webhooks/signature.ts';

const hex = (secret: string, text: string | Buffer) =>
  createHmac('sha256', secret).update(text).digest('hex');

const BODY = Buffer.from('{"zen":"Größe"}');
const SIGNED = `sha256=${hex('s2', BODY)}`;

describe('isSigned', () => {
  it('takes a signature by any of the secrets, as GitHub makes it', async () => {
    expect(await sign('s2', BODY.toString())).toBe(SIGNED);
    expect(await isSigned(['s2'], BODY, SIGNED)).toBe(true);
    expect(await isSigned(['s1', 's2', 's3'], BODY, SIGNED)).toBe(true);
    expect(await isSigned(['s2', 's1'], BODY, SIGNED)).toBe(true);
  });

  it('refuses one of another secret, another body, another form or none', async () => {
    expect(await isSigned(['s1'], BODY, SIGNED)).toBe(false);
    expect(await isSigned(['s2'], Buffer.from('{}'), SIGNED)).toBe(false);
    for (const wrong of [undefined, '', 'sha256=', 'sha1=aa', SIGNED.slice(0, -1), `${SIGNED}0`]) {
      expect(await isSigned(['s2'], BODY, wrong)).toBe(false);
    }
    expect(await isSigned(['s2'], BODY, SIGNED.slice('sha256='.length))).toBe(false);
    expect(await isSigned(['s2'], BODY, SIGNED.toUpperCase())).toBe(false);
  });

  it('believes nobody where no secret is configured, made-up ones included', async () => {
    for (const secret of ['', 'no secret is configured']) {
      expect(await isSigned([], BODY, `sha256=${hex(secret, BODY)}`)).toBe(false);
    }
  });

  it('refuses an empty body, and what is judged in its place', async () => {
    for (const text of ['', 'an empty body']) {
      expect(await isSigned(['s2'], Buffer.alloc(0), `sha256=${hex('s2', text)}`)).toBe(false);
    }
  });

  it('refuses bytes that are no text, also where they are signed', async () => {
    // To the library both are the same text, so that its signature would fit other bytes.
    const broken = Buffer.from([0x7b, 0xff, 0x7d]);
    const replaced = Buffer.from('{\ufffd}');
    const signature = `sha256=${hex('s2', replaced)}`;
    expect(await isSigned(['s2'], replaced, signature)).toBe(true);
    expect(await isSigned(['s2'], broken, signature)).toBe(false);
    expect(await isSigned(['s2'], broken, `sha256=${hex('s2', broken)}`)).toBe(false);
  });

  it('takes what was signed, and nothing else', async () => {
    const texts = fc.string({ unit: 'grapheme', minLength: 1 });
    await fc.assert(
      fc.asyncProperty(texts, texts, texts, async (secret, text, other) => {
        const signature = `sha256=${hex(secret, text)}`;
        expect(await isSigned(['else', secret], Buffer.from(text), signature)).toBe(true);
        const isSame = other === text;
        expect(await isSigned([secret], Buffer.from(other), signature)).toBe(isSame);
      }),
    );
  });
});

describe('isFromForge', () => {
  const from = (
    forge: 'github' | 'gitea',
    headers: Record<string, string>,
    body: Buffer = BODY,
  ): Promise<boolean> => isFromForge(['s2'], { forge, header: (name) => headers[name], body });
  const digits = hex('s2', BODY);

  it('reads the signature where each forge puts it', async () => {
    expect(await from('github', { 'x-hub-signature-256': SIGNED })).toBe(true);
    expect(await from('gitea', { 'x-gitea-signature': digits })).toBe(true);
    expect(await from('gitea', { 'x-forgejo-signature': digits })).toBe(true);
    expect(await from('gitea', { 'x-gogs-signature': digits })).toBe(true);
    expect(await from('gitea', { 'x-hub-signature-256': SIGNED })).toBe(true);
    expect(await from('gitea', { 'x-gitea-signature': '', 'x-hub-signature-256': SIGNED })).toBe(
      true,
    );
  });

  it('does not read it anywhere else', async () => {
    expect(await from('github', { 'x-gitea-signature': digits })).toBe(false);
    expect(await from('github', { 'x-hub-signature': SIGNED })).toBe(false);
    expect(await from('gitea', { 'x-gitea-signature': SIGNED })).toBe(false);
    expect(await from('gitea', {})).toBe(false);
  });

  it('takes a form of Gitea by the JSON in it, and one of GitHub by its bytes', async () => {
    const form = Buffer.from(new URLSearchParams({ payload: BODY.toString() }).toString());
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const overForm = hex('s2', form);
    expect(
      await from('github', { ...type, 'x-hub-signature-256': `sha256=${overForm}` }, form),
    ).toBe(true);
    expect(await from('github', { ...type, 'x-hub-signature-256': SIGNED }, form)).toBe(false);
    expect(await from('gitea', { ...type, 'x-gitea-signature': digits }, form)).toBe(true);
    expect(await from('gitea', { ...type, 'x-gitea-signature': overForm }, form)).toBe(true);
    expect(await from('gitea', { 'x-gitea-signature': digits }, form)).toBe(false);
    const other = Buffer.from(`${form}&more=1`);
    expect(await from('gitea', { ...type, 'x-gitea-signature': overForm }, other)).toBe(false);
    const without = Buffer.from('more=1');
    expect(await from('gitea', { ...type, 'x-gitea-signature': digits }, without)).toBe(false);
  });

  it('judges a form of very many fields at once, whether there are secrets or not', async () => {
    const body = Buffer.from(`x=&${'a&'.repeat(512 * 1024)}`);
    const headers: Record<string, string> = {
      'content-type': 'application/x-www-form-urlencoded',
      'x-gitea-signature': digits,
    };
    const header = (name: string) => headers[name];
    const startedAt = performance.now();
    for (const secrets of [['s2'], []]) {
      expect(await isFromForge(secrets, { forge: 'gitea', header, body })).toBe(false);
    }
    expect(performance.now() - startedAt).toBeLessThan(300);
  });
});

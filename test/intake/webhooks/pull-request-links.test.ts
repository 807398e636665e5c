import { describe, expect, it } from 'vitest';
import { pullRequestLinks } from '../../../src/intake/webhooks/pull-request-links.ts';

const repository = { full_name: 'octo/app', html_url: 'https://github.com/octo/app' };

describe('pullRequestLinks', () => {
  it('turns an API address into the page of the pull request, in its own repository', () => {
    const url = 'https://api.github.com/repos/upstream/app/pulls/2';
    expect(pullRequestLinks([{ url, number: 2 }], repository)).toEqual([
      'https://github.com/upstream/app/pull/2',
    ]);
  });

  it('stays on the server of the repository, whatever its API is called', () => {
    const ghes = { full_name: 'octo/app', html_url: 'http://ghe.example:8080/octo/app' };
    const url = 'http://ghe.example:8080/api/v3/repos/octo/app/pulls/7';
    const expected = ['http://ghe.example:8080/octo/app/pull/7'];
    expect(pullRequestLinks([{ url }], ghes)).toEqual(expected);
    const below = { full_name: 'octo/app', html_url: 'https://example.com/git/octo/app/' };
    expect(pullRequestLinks([{ number: 7 }], below)).toEqual([
      'https://example.com/git/octo/app/pull/7',
    ]);
  });

  it('makes do with the number when the address is none of the API', () => {
    for (const url of [undefined, null, 'https://github.com/octo/app/pull/9']) {
      expect(pullRequestLinks([{ url, number: 3 }], repository)).toEqual([
        'https://github.com/octo/app/pull/3',
      ]);
    }
  });

  it('gives the page that Gitea has for it', () => {
    const gitea = { full_name: 'octo/app', html_url: 'https://gitea.example/octo/app' };
    const url = 'https://gitea.example/api/v1/repos/octo/app/pulls/3';
    const expected = ['https://gitea.example/octo/app/pulls/3'];
    expect(pullRequestLinks([{ url, number: 3 }], gitea, 'pulls')).toEqual(expected);
  });

  it('leaves out what gives no web address', () => {
    const nothing = [null, {}, { url: 'x', number: null }];
    expect(pullRequestLinks(nothing, repository)).toBeUndefined();
    for (const html_url of [undefined, null, '', 'octo/app', 'javascript:alert(1)/octo/app']) {
      expect(pullRequestLinks([{ number: 1 }], { ...repository, html_url })).toBeUndefined();
    }
    const html_url = `https://github.com/${'x'.repeat(500)}/app`;
    const long = { full_name: `${'x'.repeat(500)}/app`, html_url };
    expect(pullRequestLinks([{ number: 1 }], long)).toBeUndefined();
  });

  it('is absent for none, because a list without them would clear the links of the task', () => {
    for (const none of [undefined, null, []]) {
      expect(pullRequestLinks(none, repository)).toBeUndefined();
    }
  });

  it('gives each link once, and 50 at most', () => {
    const many = Array.from({ length: 120 }, (_, i) => ({ number: 1 + Math.floor(i / 2) }));
    const links = pullRequestLinks(many, repository) ?? [];
    expect(links).toHaveLength(50);
    expect(new Set(links).size).toBe(50);
    expect(links[49]).toBe('https://github.com/octo/app/pull/50');
  });
});

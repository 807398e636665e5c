import type { TaskEventField } from '@tasktrail/contract';

/** What a field's text may be. A valid text without a value is read as it stands. */
interface FieldRules {
  readonly field: TaskEventField;
  readonly valid: readonly (readonly [what: string, text: string, value?: unknown])[];
  readonly invalid: readonly (readonly [what: string, text: string])[];
}

/** 150 characters, 300 UTF-16 units, 600 bytes. */
const SMILES_OF_300_UNITS = '😀'.repeat(150);

const links = (count: number) =>
  JSON.stringify(Array.from({ length: count }, (_, i) => `https://example.com/${i}`));

const users = (...names: string[]) => JSON.stringify({ responsibleUsers: names });

const manyUsers = (count: number) =>
  users(...Array.from({ length: count }, (_, i) => `slack:${i}`));

/** PROTOCOL.md, "The event": each row of its table but `occurredAt`, which has a test of its own. */
export const FIELD_RULES: readonly FieldRules[] = [
  {
    field: 'executionId',
    valid: [
      ['one character', 'a'],
      ['200 characters', 'a'.repeat(200)],
      ['every printable ASCII character', printableAscii()],
      ['reserved names in another case or as a part', 'Stream'],
      ['three dots', '...'],
    ],
    invalid: [
      ['empty', ''],
      ['201 characters', 'a'.repeat(201)],
      ['a space', 'run 1'],
      ['a trailing newline', 'run-1\n'],
      ['a character that is not ASCII', 'läuft'],
      ['DEL', 'a\u007f'],
      ['the name of the stream route', 'stream'],
      ['the path of the folder itself', '.'],
      ['the path of the folder above', '..'],
    ],
  },
  {
    field: 'project',
    valid: [
      ['owner/repo', 'owner/repo'],
      ['nested groups', 'a/b/c/d'],
      ['200 characters', `o/${'r'.repeat(198)}`],
      ['200 units in 101 characters', `o/${'😀'.repeat(99)}`],
      ['letters of any script', 'größe/漢字'],
      ['empty, which counts as absent', '', undefined],
    ],
    invalid: [
      ['one part', 'repo'],
      ['an empty first part', '/repo'],
      ['an empty last part', 'owner/'],
      ['an empty middle part', 'a//b'],
      ['only a separator', '/'],
      ['201 characters', `o/${'r'.repeat(199)}`],
      ['201 units in 101 characters', `o/${'😀'.repeat(99)}r`],
      ['a space', 'owner/my repo'],
      ['a no-break space', 'owner/my\u00a0repo'],
      ['a line separator', 'owner/my\u2028repo'],
      ['a zero-width space', 'owner/my\u200brepo'],
      ['a mark that turns the direction of text', 'owner/\u202erepo'],
      ['a control character', 'owner/re\u0007po'],
    ],
  },
  {
    field: 'status',
    valid: [
      ['queued', 'queued'],
      ['in_progress', 'in_progress'],
      ['success', 'success'],
      ['error', 'error'],
      ['cancelled', 'cancelled'],
      ['empty, which counts as absent', '', undefined],
    ],
    invalid: [
      ['another word', 'running'],
      ['another case', 'Success'],
      ['a space around it', ' queued'],
      ['the American spelling', 'canceled'],
      ['a name that every object has', 'toString'],
    ],
  },
  {
    field: 'taskName',
    valid: [
      ['300 characters', 'a'.repeat(300)],
      ['300 units in 150 characters', SMILES_OF_300_UNITS],
      ['an empty array, which is text here', '[]'],
      ['empty, which clears', '', null],
    ],
    invalid: [
      ['301 characters', 'a'.repeat(301)],
      ['301 units in 151 characters', `${SMILES_OF_300_UNITS}a`],
      ['a newline', 'two\nlines'],
      ['a tab', 'two\tcolumns'],
    ],
  },
  {
    field: 'flow',
    valid: [
      ['100 characters', 'a'.repeat(100)],
      ['100 units in 50 characters', '😀'.repeat(50)],
      ['empty, which clears', '', null],
    ],
    invalid: [
      ['101 characters', 'a'.repeat(101)],
      ['101 units in 51 characters', `${'😀'.repeat(50)}a`],
      ['a newline', 'two\nlines'],
    ],
  },
  {
    field: 'message',
    valid: [
      ['2,000 characters', 'a'.repeat(2000)],
      ['2,000 units in 1,000 characters', '😀'.repeat(1000)],
      ['newlines and tabs', 'first\n\tsecond\n'],
      ['empty, which clears', '', null],
    ],
    invalid: [
      ['2,001 characters', 'a'.repeat(2001)],
      ['2,001 units in 1,001 characters', `${'😀'.repeat(1000)}a`],
      ['a carriage return', 'first\r\nsecond'],
      ['a vertical tab', 'first\u000bsecond'],
      ['a form feed', 'first\u000csecond'],
      ['an escape sequence of terminals', '\u001b[31mred'],
      ['the C1 form of the same', '\u009b31mred'],
    ],
  },
  {
    field: 'actor',
    valid: [
      ['provider and id', '{"provider":"slack","id":"U1"}', { provider: 'slack', id: 'U1' }],
      [
        'a display name too',
        '{"provider":"github","id":"ana","displayName":"Ana 😀"}',
        { provider: 'github', id: 'ana', displayName: 'Ana 😀' },
      ],
      [
        'any provider, and fields that nobody knows',
        ' {"provider":"forgejo","id":"7","role":"admin","\\u0001":1} ',
        { provider: 'forgejo', id: '7' },
      ],
      [
        'an id with colons and inner spaces',
        '{"provider":"ldap","id":"cn=Ana Lee:x"}',
        { provider: 'ldap', id: 'cn=Ana Lee:x' },
      ],
      ['empty, which clears', '', null],
      ['an empty array, which clears', '[]', null],
    ],
    invalid: [
      ['no JSON', 'slack:U1'],
      ['JSON cut off', '{"provider":"slack"'],
      ['null', 'null'],
      ['text', '"slack:U1"'],
      ['an array that is not empty', '[{"provider":"slack","id":"U1"}]'],
      ['no id', '{"provider":"slack"}'],
      ['an empty id', '{"provider":"slack","id":""}'],
      ['an id that is a number', '{"provider":"slack","id":1}'],
      ['an id that begins with a space', '{"provider":"slack","id":" U1"}'],
      ['an id that is only spaces', '{"provider":"slack","id":"  "}'],
      ['half a character in the id', '{"provider":"slack","id":"\\ud83d"}'],
      ['half a character in the provider', '{"provider":"\\ud83d","id":"U1"}'],
      ['no provider', '{"id":"U1"}'],
      ['an empty provider', '{"provider":"","id":"U1"}'],
      ['a colon in the provider', '{"provider":"slack:x","id":"U1"}'],
      ['a space in the provider', '{"provider":"my slack","id":"U1"}'],
      ['a display name that is null', '{"provider":"slack","id":"U1","displayName":null}'],
      ['301 characters of id', `{"provider":"slack","id":"${'a'.repeat(301)}"}`],
    ],
  },
  {
    field: 'prLinks',
    valid: [
      [
        'http and https',
        '["http://a/1","https://b.example/2?x=y#z"]',
        ['http://a/1', 'https://b.example/2?x=y#z'],
      ],
      ['a scheme in capitals', '["HTTPS://example.com/"]', ['HTTPS://example.com/']],
      ['50 links', links(50), JSON.parse(links(50))],
      ['empty, which clears', '', []],
      ['an empty array, which clears', '[]', []],
      ['an empty array with a space, which clears', '[ ]', []],
    ],
    invalid: [
      ['51 links', links(51)],
      ['a script', '["javascript:alert(1)"]'],
      ['a script after a link’s scheme as text', '["https://a","javascript:https://b"]'],
      ['data', '["data:text/html,x"]'],
      ['ftp', '["ftp://example.com/"]'],
      ['no scheme', '["//example.com/"]'],
      ['a path', '["/pull/1"]'],
      ['no host', '["https://"]'],
      ['a port that is none', '["https://a:b/"]'],
      ['a space', '["https://example.com/a b"]'],
      ['a space before', '[" https://example.com/"]'],
      ['a link that is no text', '[1]'],
      ['one link and no array', '"https://example.com/"'],
      ['an object', '{}'],
      ['null', 'null'],
      ['no JSON', 'https://example.com/'],
    ],
  },
  {
    field: 'visibility',
    valid: [
      [
        'principals',
        users('slack:U1', 'github:ana'),
        { responsibleUsers: ['slack:U1', 'github:ana'] },
      ],
      [
        'principals of Google in any case, which are lower-cased',
        users('google:Ana@Example.COM'),
        { responsibleUsers: ['google:ana@example.com'] },
      ],
      [
        'principals of others, whose case counts',
        users('slack:U1', 'Google:Ana'),
        { responsibleUsers: ['slack:U1', 'Google:Ana'] },
      ],
      ['200 principals', manyUsers(200), JSON.parse(manyUsers(200))],
      ['nobody', users(), { responsibleUsers: [] }],
      ['empty, which clears', '', null],
      ['an empty array, which clears', '[]', null],
    ],
    invalid: [
      ['201 principals', manyUsers(201)],
      ['no responsibleUsers', '{}'],
      ['responsibleUsers that is text', '{"responsibleUsers":"slack:U1"}'],
      ['null', 'null'],
      ['an array', '["slack:U1"]'],
      ['a principal without provider', users(':U1')],
      ['a principal without id', users('slack:')],
      ['a principal that is one word', users('ana@example.com')],
      ['a space in the provider', users('my slack:U1')],
      ['a space after the colon', users('slack: U1')],
      ['half a character', '{"responsibleUsers":["slack:\\udc00"]}'],
      ['a principal that is no text', '{"responsibleUsers":[7]}'],
    ],
  },
  {
    field: 'attempt',
    valid: [
      ['1', '1', 1],
      ['the largest exact integer', '9007199254740991', Number.MAX_SAFE_INTEGER],
      ['empty, which counts as absent', '', undefined],
    ],
    invalid: [
      ['0', '0'],
      ['a fraction', '1.5'],
      ['a fraction of zero', '1.0'],
      ['negative', '-1'],
      ['a sign', '+1'],
      ['a leading zero', '01'],
      ['an exponent', '1e3'],
      ['hexadecimal', '0x1'],
      ['text', 'two'],
      ['a space', ' 1'],
      ['one more than the largest exact integer', '9007199254740992'],
      ['huge', '9'.repeat(400)],
      ['an empty array', '[]'],
    ],
  },
  {
    field: 'eventId',
    valid: [
      ['200 characters', 'a'.repeat(200)],
      ['any text', 'delivery 7/ä'],
      ['empty, which counts as absent', '', undefined],
    ],
    invalid: [
      ['201 characters', 'a'.repeat(201)],
      ['a newline', 'a\n'],
    ],
  },
];

function printableAscii(): string {
  return String.fromCharCode(...Array.from({ length: 0x7f - 0x21 }, (_, i) => 0x21 + i));
}

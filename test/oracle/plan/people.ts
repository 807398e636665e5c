import type { Dice } from '../dice.ts';

/** Who creates tasks, who is responsible for them, and who watches. */
export interface Person {
  readonly email: string;
  /** Identity and aliases; absent for an admin, who sees everything. */
  readonly principals?: readonly string[] | undefined;
}

const ana: Person = {
  email: 'ana@example.com',
  principals: ['google:ana@example.com', 'slack:U1', 'gitea:ana'],
};
const bob: Person = {
  email: 'bob@example.com',
  principals: ['google:bob@example.com', 'github:bob'],
};
const cleo: Person = { email: 'cleo@example.com', principals: ['google:cleo@example.com'] };
/** Nobody makes her responsible for anything. */
const eve: Person = { email: 'eve@example.com', principals: ['google:eve@example.com'] };
export const ROOT: Person = { email: 'root@example.com' };

export const PEOPLE: readonly Person[] = [ana, bob, cleo, eve, ROOT];

/** The contents of TASK_DASHBOARD_IDENTITIES. */
export const IDENTITIES = {
  'google:ana@example.com': ['slack:U1', 'gitea:ana'],
  'google:bob@example.com': ['github:bob'],
};

/** Principals that events name, as bots spell them: those of Google in any case. */
const RESPONSIBLE = [
  ...['google:ana@example.com', 'google:Bob@Example.COM', 'google:cleo@example.com'],
  ...['slack:U1', 'github:bob', 'slack:U9', 'github:nobody'],
];

const ACTORS = [
  { provider: 'slack', id: 'U1', displayName: 'Ana ß 漢' },
  { provider: 'github', id: 'bob' },
  { provider: 'google', id: 'Cleo@example.com' },
  { provider: 'slack', id: 'U9' },
];

export function someResponsible(dice: Dice): string[] {
  return dice.some(RESPONSIBLE, 0.25);
}

export function anActor(dice: Dice): object {
  return dice.pick(ACTORS);
}

/** Who signs in; the first two see everything. */
const ADMINS = 2;

export interface Person {
  readonly email: string;
  readonly principal: string;
  readonly isAdmin: boolean;
}

export function somePeople(count: number): Person[] {
  return Array.from({ length: count }, (_, n) => {
    const email = `viewer-${n}@example.com`;
    return { email, principal: `google:${email}`, isAdmin: n < ADMINS };
  });
}

/** For TASK_DASHBOARD_ADMINS. */
export function adminsOf(people: readonly Person[]): string {
  return people.flatMap(({ isAdmin, principal }) => (isAdmin ? [principal] : [])).join(',');
}

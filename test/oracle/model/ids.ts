/** Ids of streams, compared apart from the program: `<ms>-<seq>`. */
export function compareIds(a: string, b: string): number {
  const [msA = 0, seqA = 0] = a.split('-').map(Number);
  const [msB = 0, seqB = 0] = b.split('-').map(Number);
  return msA - msB || seqA - seqB;
}

export function isAfter(a: string, b: string): boolean {
  return compareIds(a, b) > 0;
}

/** Milliseconds since 1970. */
export function timeOf(id: string): number {
  return Number(id.split('-')[0]);
}

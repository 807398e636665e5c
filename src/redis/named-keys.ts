/**
 * The KEYS of a script that names keys as often as it likes: each is passed once, and its arguments
 * say it by its place, counted from 1 as Lua does.
 */
export class NamedKeys {
  readonly names: string[];
  readonly #places = new Map<string, number>();

  /** @param fixed those that the script knows by their places; they are not looked for again */
  constructor(...fixed: string[]) {
    this.names = fixed;
  }

  /** The place of a key, at the end where it was not named yet. */
  placeOf(key: string): number {
    const place = this.#places.get(key) ?? this.names.push(key);
    this.#places.set(key, place);
    return place;
  }
}

import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** Name and version of an installed package. */
export function versionOf(name: string): string {
  const path = findPackageJSON(name, import.meta.url);
  if (path === undefined) throw new Error(`${name} is not installed: npm install`);
  return `${name} ${JSON.parse(readFileSync(path, 'utf8')).version}`;
}

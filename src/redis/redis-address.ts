import { CredentialFiles, type CredentialPaths } from './credential-files.ts';

/** Where Redis is and how one signs in there, as the settings say it. */
export interface RedisSettings extends CredentialPaths {
  readonly url: string;
}

/** The same with its files read. Every connection is made from one. */
export interface RedisAddress {
  readonly url: string;
  /** Undefined where the URL says everything. */
  readonly credentials?: CredentialFiles | undefined;
}

/**
 * The one way from settings to connections.
 *
 * @throws SettingsFileError when a file of theirs cannot be used
 */
export async function openRedisAddress({ url, ...paths }: RedisSettings): Promise<RedisAddress> {
  const hasFiles = Object.values(paths).some((path) => path !== undefined);
  return { url, credentials: hasFiles ? await CredentialFiles.open(paths) : undefined };
}

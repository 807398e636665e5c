import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import {
  type Look,
  type ProjectsSource,
  ProjectsSourceError,
  readBounded,
} from './projects-source.ts';

/** A list in a file. Its version is what a write or a replacement changes: time, size, inode. */
export class FileSource implements ProjectsSource {
  readonly kind = 'file';
  readonly location: string;

  constructor(path: string) {
    this.location = path;
  }

  /** Version and contents are those of one open file, however often its name is replaced. */
  async look(seen: string | undefined): Promise<Look> {
    // Without O_NONBLOCK, opening a named pipe would wait for its writer for ever.
    await using file = await open(this.location, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat({ bigint: true });
    if (!stat.isFile()) throw new ProjectsSourceError('is not a regular file; name one');
    const version = `${stat.mtimeNs}-${stat.size}-${stat.ino}`;
    if (version === seen) return { kind: 'unchanged' };
    const bytes = await readBounded(file.createReadStream({ autoClose: false }));
    return { kind: 'contents', version, bytes };
  }

  /** Every look closes its own file. */
  close(): void {}
}

import { type Look, lookAtFile } from '../runtime/file-look.ts';
import { MAX_LIST_BYTES, type ProjectsSource } from './projects-source.ts';

/** A list in a file. */
export class FileSource implements ProjectsSource {
  readonly kind = 'file';
  readonly location: string;

  constructor(path: string) {
    this.location = path;
  }

  async look(seen: string | undefined): Promise<Look> {
    return await lookAtFile(this.location, seen, MAX_LIST_BYTES);
  }

  /** Every look closes its own file. */
  close(): void {}
}

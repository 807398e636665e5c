import { type ProjectListItem, ProjectListItemSchema } from '@tasktrail/contract';
import { z } from 'zod';
import { readJson } from '../runtime/json-document.ts';

/** A document either is a list of projects, or has faults: all of them, each with its path. */
export type ParsedProjectList =
  | { readonly kind: 'valid'; readonly projects: readonly ProjectListItem[] }
  | { readonly kind: 'invalid'; readonly faults: readonly string[] };

const DocumentSchema = z.object({ projects: z.array(ProjectListItemSchema) });

/** As much of a document as names its projects, so that faults elsewhere hide no duplicate. */
const SlugsSchema = z.object({
  projects: z.array(z.object({ project: z.string() }).optional().catch(undefined)),
});

/**
 * Reads `{"projects":[…]}` in UTF-8; unknown keys are ignored. (PROTOCOL.md, "Projects")
 *
 * Faults quote nothing of the document: they are shown to whoever may ask for readiness, and the
 * configuration may name a wrong file.
 */
export function parseProjectList(bytes: Uint8Array): ParsedProjectList {
  const document = readJson(bytes);
  if (document.kind === 'invalid') {
    return { kind: 'invalid', faults: [`document: ${document.fault}`] };
  }
  const parsed = DocumentSchema.safeParse(document.value);
  const faults = [
    ...(parsed.error?.issues ?? []).map(
      ({ path, message }) =>
        `${path.length === 0 ? 'document' : z.core.toDotPath(path)}: ${message}`,
    ),
    ...duplicates(document.value),
  ];
  return parsed.success && faults.length === 0
    ? { kind: 'valid', projects: parsed.data.projects }
    : { kind: 'invalid', faults };
}

function duplicates(document: unknown): string[] {
  const entries = SlugsSchema.safeParse(document).data?.projects ?? [];
  const firstIndexes = new Map<string, number>();
  return entries.flatMap((entry, index) => {
    if (entry === undefined) return [];
    const first = firstIndexes.get(entry.project);
    if (first !== undefined) return [`projects[${index}].project: repeats projects[${first}]`];
    firstIndexes.set(entry.project, index);
    return [];
  });
}

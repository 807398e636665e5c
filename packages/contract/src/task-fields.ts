import { z } from 'zod';
import { isPrincipal, PrincipalSchema, principalOf } from './principal.ts';
import { hasControlCharacter, isPrintableWithoutSpaces, lineOfText, textUpTo } from './text.ts';

/** The rules of single fields that events and items share. (PROTOCOL.md, "The event") */

/** Execution ids that a path of the dashboard's routes already means, or that URLs rewrite. */
const RESERVED_EXECUTION_IDS: ReadonlySet<string> = new Set(['stream', '.', '..']);

export const ExecutionIdSchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, 'must be 1 to 200 printable ASCII characters without spaces')
  .refine((id) => !RESERVED_EXECUTION_IDS.has(id), 'must not be "stream", "." or ".."')
  .meta({ description: 'Names one run of a task', example: 'run-4711' });

export const ProjectSchema = textUpTo(200)
  .refine(isPrintableWithoutSpaces, 'must be printable characters without spaces')
  .refine(isProjectPath, 'must be owner/repo, with no empty part')
  .meta({ description: 'owner/repo; groups may nest', example: 'houlak/rukipay-backend' });

function isProjectPath(text: string): boolean {
  const parts = text.split('/');
  return parts.length >= 2 && parts.every((part) => part !== '');
}

const MAX_ACTOR_TEXT = 300;

export const ActorSchema = z
  .object({
    provider: lineOfText(MAX_ACTOR_TEXT)
      .regex(/^[^:\s]+$/, 'must be a name without spaces or colons')
      .meta({ example: 'slack' }),
    id: lineOfText(MAX_ACTOR_TEXT).min(1, 'must not be empty').meta({ example: 'U1' }),
    displayName: lineOfText(MAX_ACTOR_TEXT).optional(),
  })
  // It is part of the audience, so what readers of changes take for a principal bounds it.
  .refine(
    (actor) => isPrincipal(principalOf(actor)),
    'must have an id that begins with no space, in whole characters',
  )
  .meta({ id: 'Actor', description: 'Who started the task' });

export type Actor = z.infer<typeof ActorSchema>;

export const PrLinksSchema = z
  .array(
    z
      .string()
      .refine(
        (text) =>
          /^https?:\/\/\S+$/i.test(text) && !hasControlCharacter(text) && URL.canParse(text),
        'must be an http or https URL',
      ),
  )
  .max(50, 'must be at most 50 links')
  .meta({ description: 'Pull requests that the task belongs to' });

export const VisibilitySchema = z
  .object({ responsibleUsers: z.array(PrincipalSchema).max(200, 'must be at most 200 principals') })
  .meta({ id: 'Visibility', description: 'Who may see the task besides its creator' });

export type Visibility = z.infer<typeof VisibilitySchema>;

export const AttemptSchema = z
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .meta({ description: 'Counts the runs of the same execution' });

export const TaskNameSchema = lineOfText(300);
export const FlowSchema = lineOfText(100);
export const EventIdSchema = lineOfText(200).min(1, 'must not be empty');

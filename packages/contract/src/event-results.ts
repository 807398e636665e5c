import { z } from 'zod';
import { StreamIdSchema } from './task-item.ts';

/** What became of events that were sent over HTTP. (PROTOCOL.md, "Events over HTTP") */

/** Why a single event was not appended. The first five mean the same in the quarantine. */
export const REFUSAL_REASONS = [
  'missing_field',
  'invalid_value',
  'entry_too_large',
  'not_utf8',
  'occurred_too_late',
  'not_json',
  'project_forbidden',
  'unmapped_payload',
] as const;

export const EventRefusalSchema = z
  .object({
    field: z.string().meta({ description: 'The field at fault; empty: the event as a whole' }),
    reason: z.enum(REFUSAL_REASONS),
    detail: z.string().meta({ description: 'For a person: what is wrong and what is expected' }),
  })
  .meta({ id: 'EventRefusal', description: 'Why an event was not appended' });

export type EventRefusal = z.output<typeof EventRefusalSchema>;

export const EventResultSchema = z
  .union([
    z.object({ id: StreamIdSchema.meta({ description: 'Of the appended entry' }) }),
    z.object({ error: EventRefusalSchema }),
  ])
  .meta({ id: 'EventResult', description: 'What became of one event' });

export type EventResult = z.output<typeof EventResultSchema>;

export const EventResultsSchema = z
  .object({
    results: z.array(EventResultSchema).meta({ description: 'One for each event, in order' }),
  })
  .meta({ id: 'EventResults' });

export type EventResults = z.output<typeof EventResultsSchema>;

import { z } from 'zod';

/** The webhooks that the demo replays, by the name in their `X-GitHub-Event` header. */
const GITHUB_TASK_WEBHOOKS = ['workflow_run', 'workflow_job', 'check_run'] as const;

export type GithubTaskWebhook = (typeof GITHUB_TASK_WEBHOOKS)[number];

export type JsonObject = Readonly<Record<string, unknown>>;

/** A payload that GitHub really sent, with its names and facts as they were published. */
export interface RecordedWebhook {
  readonly name: GithubTaskWebhook;
  /** Holds the run, job or check under the webhook's own name. */
  readonly payload: JsonObject & { readonly [N in GithubTaskWebhook]?: JsonObject };
}

/** There are no recorded payloads to read. The message says how to get them. */
export class RecordedWebhooksError extends Error {
  override readonly name = 'RecordedWebhooksError';
}

const JsonObjectSchema = z.record(z.string(), z.unknown());
const DefinitionsSchema = z.array(
  z.object({ name: z.string(), examples: z.array(JsonObjectSchema) }),
);

type JsonModule = () => Promise<{ readonly default: unknown }>;

/**
 * The recorded webhooks of tasks, in their recorded order: all of github.com's in the package
 * `@octokit/webhooks-examples`. It is read when asked for, because it is a tool of development:
 * a checkout has it, an installed Tasktrail has not.
 *
 * @throws RecordedWebhooksError when the package is missing or of another form
 */
export async function loadRecordedWebhooks(
  importExamples: JsonModule = () =>
    import('@octokit/webhooks-examples', { with: { type: 'json' } }),
): Promise<RecordedWebhook[]> {
  try {
    const definitions = DefinitionsSchema.parse((await importExamples()).default);
    return definitions.flatMap(({ name, examples }) => {
      if (!isTaskWebhook(name)) return [];
      const WebhookSchema = z.looseObject({ [name]: JsonObjectSchema });
      return examples.map((example) => ({ name, payload: WebhookSchema.parse(example) }));
    });
  } catch (cause) {
    throw new RecordedWebhooksError(
      'the recorded webhooks could not be read: install them beside Tasktrail with ' +
        '`npm install @octokit/webhooks-examples@7`, or start from a checkout, which has them',
      { cause },
    );
  }
}

function isTaskWebhook(name: string): name is GithubTaskWebhook {
  return (GITHUB_TASK_WEBHOOKS as readonly string[]).includes(name);
}

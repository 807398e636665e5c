import { ERROR_CODES, ErrorBodySchema, type ErrorCode, FRAME_SCHEMAS } from '@tasktrail/contract';
import { z } from 'zod';
import {
  type CreateDocumentOptions,
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiResponseObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { STATUS_OF } from './error-answer.ts';
import type { Answer, Audience, Route } from './routes.ts';
import { ACCESS_RULES, SECURITY_SCHEMES } from './security.ts';

const OPENAPI_VERSION = '3.1.0';

const AUDIENCES: Readonly<Record<Audience, string>> = {
  dashboards: 'What dashboards load and follow',
  producers: 'Where bots and forges send events',
  operators: 'What supervises the process',
};

/** The OpenAPI document of the routes; `version` is that of the package. */
export function openApiDocument(routes: Readonly<Record<string, Route>>, version: string) {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const [name, route] of Object.entries(routes)) {
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(name, route) };
  }
  return createDocument(
    {
      openapi: OPENAPI_VERSION,
      info: {
        title: 'Tasktrail',
        version,
        description:
          'Load the snapshot page by page, then follow the stream from its streamCursor. ' +
          'HEAD is answered wherever GET is.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/', description: 'Where this document was read' }],
      tags: Object.entries(AUDIENCES).map(([name, description]) => ({ name, description })),
      paths,
      components: {
        // The stream's answer is text to OpenAPI 3.1, so its frames stand here by themselves, and are
        // referred to by an extension.
        schemas: FRAME_SCHEMAS,
        securitySchemes: SECURITY_SCHEMES,
      },
    },
    DOCUMENT_OPTIONS,
  );
}

const DOCUMENT_OPTIONS: CreateDocumentOptions = {
  override({ jsonSchema, zodSchema, io }) {
    const { type } = zodSchema._zod.def;
    // Answers gain fields over time, and their readers ignore what they do not know.
    if (type === 'object' && jsonSchema.additionalProperties === false) {
      delete jsonSchema.additionalProperties;
    }
    // The one transformation of items, that of principals, makes a text of a text.
    if (type === 'pipe' && io === 'output') jsonSchema.type ??= 'string';
  },
};

function operationOf(name: string, route: Route): ZodOpenApiOperationObject {
  const { summary, description, audience, access, query, pathParameters, headers, body } = route;
  return {
    operationId: name,
    tags: [audience],
    summary,
    description,
    security: ACCESS_RULES[access].schemes.map((scheme) => ({ [scheme]: [] })),
    requestParams: {
      query,
      ...(pathParameters === undefined ? {} : { path: pathParameters }),
      ...(headers === undefined ? {} : { header: headers }),
    },
    ...(body === undefined ? {} : { requestBody: { required: true, content: contentOf(body) } }),
    responses: { ...refusalsOf(route), ...answersOf(route) },
  };
}

function contentOf(schemas: Readonly<Record<string, z.ZodType>>) {
  return Object.fromEntries(
    Object.entries(schemas).map(([mediaType, schema]) => [mediaType, { schema }]),
  );
}

function answersOf({ answers }: Route): ZodOpenApiResponsesObject {
  const responses: ZodOpenApiResponsesObject = {};
  for (const [status, { description, content, headers }] of Object.entries(answers)) {
    responses[status as Status] = {
      description,
      ...(headers === undefined ? {} : { headers }),
      ...(content === undefined ? {} : { content: answerContentOf(content) }),
    };
  }
  return responses;
}

function answerContentOf({ mediaType, schema, events }: NonNullable<Answer['content']>) {
  if (events === undefined) return { [mediaType]: { schema } };
  const references = Object.entries(events).map(([name, data]) => [
    name,
    { $ref: `#/components/schemas/${data.meta()?.id}` },
  ]);
  return { [mediaType]: { schema, 'x-events': Object.fromEntries(references) } };
}

/** Errors by status, since several codes may share one. */
function refusalsOf({ access, refusals, body }: Route): ZodOpenApiResponsesObject {
  const codes: ErrorCode[] = [...ACCESS_RULES[access].refusals, ...refusals, 'internal'];
  const responses: ZodOpenApiResponsesObject = {};
  if (body !== undefined) {
    const description = '`invalid_query`: The body took too long to arrive.';
    responses['408'] = { ...refusal(['invalid_query']), description };
  }
  for (const [status, ofStatus] of Map.groupBy(codes, (code) => STATUS_OF[code])) {
    responses[`${status}` as Status] = refusal(ofStatus);
  }
  return responses;
}

function refusal(codes: readonly ErrorCode[]): ZodOpenApiResponseObject {
  const lines = codes.map((code) => `\`${code}\`: ${ERROR_CODES[code]}`);
  return {
    description: lines.join('\n\n'),
    ...(codes.some((code) => WITH_RETRY_AFTER.has(code)) ? { headers: retryAfter } : {}),
    content: { 'application/json': { schema: ErrorBodySchema } },
  };
}

type Status = `${1 | 2 | 3 | 4 | 5}${string}`;

const WITH_RETRY_AFTER: ReadonlySet<ErrorCode> = new Set(['rate_limited', 'unavailable']);

const retryAfter = z.object({
  'Retry-After': z.int().min(1).meta({ description: 'Seconds to wait before the next try' }),
});

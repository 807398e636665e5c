import { ERROR_CODES, ErrorBodySchema, type ErrorCode, FRAME_SCHEMAS } from '@tasktrail/contract';
import {
  type CreateDocumentOptions,
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { STATUS_OF } from './error-answer.ts';
import type { Route } from './routes.ts';

const OPENAPI_VERSION = '3.1.0';

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
      },
      paths,
      components: {
        // The stream's answer is text to OpenAPI 3.1, so its frames stand here by themselves.
        schemas: FRAME_SCHEMAS,
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'A Google ID token',
          },
          authToken: {
            type: 'apiKey',
            in: 'query',
            name: 'authToken',
            description: 'The same token, for an EventSource, which cannot set headers',
          },
        },
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
  const { pathParameters, headers } = route;
  return {
    operationId: name,
    summary: route.summary,
    security: route.access === 'viewer' ? [{ bearer: [] }, { authToken: [] }] : [],
    requestParams: {
      query: route.query,
      ...(pathParameters === undefined ? {} : { path: pathParameters }),
      ...(headers === undefined ? {} : { header: headers }),
    },
    responses: { ...refusalsOf(route), ...answersOf(route) },
  };
}

function answersOf({ answers }: Route): ZodOpenApiResponsesObject {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, mediaType, schema }]) => [
      status,
      { description, content: { [mediaType]: { schema } } },
    ]),
  );
}

/** Errors by status, since several codes may share one. */
function refusalsOf({ access, refusals }: Route): ZodOpenApiResponsesObject {
  const codes: ErrorCode[] = [...refusals, 'internal'];
  if (access === 'viewer') codes.unshift('dashboard_unauthorized', 'dashboard_forbidden');
  const responses: ZodOpenApiResponsesObject = {};
  for (const [status, ofStatus] of Map.groupBy(codes, (code) => STATUS_OF[code])) {
    const lines = ofStatus.map((code) => `\`${code}\`: ${ERROR_CODES[code]}`);
    responses[`${status}` as `${1 | 2 | 3 | 4 | 5}${string}`] = {
      description: lines.join('\n\n'),
      content: { 'application/json': { schema: ErrorBodySchema } },
    };
  }
  return responses;
}

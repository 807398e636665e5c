import type { ErrorCode } from '@tasktrail/contract';
import type { Access } from './routes.ts';

/** What proves who somebody is, as the OpenAPI document names it. */
export const SECURITY_SCHEMES = {
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
  apiKey: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key, as `tasktrail keys create` prints it once: `ttk_…`',
  },
  githubSignature: {
    type: 'apiKey',
    in: 'header',
    name: 'X-Hub-Signature-256',
    description: '`sha256=` and the HMAC SHA-256 of the body, in hexadecimal; GitHub makes it',
  },
  giteaSignature: {
    type: 'apiKey',
    in: 'header',
    name: 'X-Gitea-Signature',
    description: 'The HMAC SHA-256 of the body, in hexadecimal; Gitea and Forgejo make it',
  },
} as const;

interface AccessRule {
  /** Any one of them is enough. */
  readonly schemes: readonly (keyof typeof SECURITY_SCHEMES)[];
  /** Those that every route of this access may have. */
  readonly refusals: readonly ErrorCode[];
}

const FORGE_REFUSALS: readonly ErrorCode[] = ['rate_limited', 'intake_unauthorized'];

export const ACCESS_RULES: Readonly<Record<Access, AccessRule>> = {
  viewer: {
    schemes: ['bearer', 'authToken'],
    refusals: ['dashboard_unauthorized', 'dashboard_forbidden'],
  },
  producer: {
    schemes: ['apiKey', 'bearer'],
    refusals: ['rate_limited', 'intake_unauthorized', 'intake_forbidden'],
  },
  github: { schemes: ['githubSignature'], refusals: FORGE_REFUSALS },
  gitea: { schemes: ['giteaSignature'], refusals: FORGE_REFUSALS },
  everyone: { schemes: [], refusals: [] },
};

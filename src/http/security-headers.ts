import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet, { type HelmetOptions } from 'helmet';

/**
 * Helmet's headers for answers that are data and never a page: nothing may be loaded, run or framed
 * from one, should somebody make a browser show it.
 *
 * Cross-Origin-Resource-Policy stays `same-origin`. It speaks of requests without CORS alone, as of
 * an image or a script (Fetch standard, "HTTP fetch"): what a dashboard of another origin asks with
 * `fetch` and `EventSource` is decided by the CORS headers, and no page can embed an answer.
 */
const OPTIONS: HelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  // Always, since TLS ends at a proxy before this program, and browsers heed it over TLS alone (RFC
  // 6797, section 8.1). Of this host only: what else runs under its domain is not ours to decide.
  strictTransportSecurity: { includeSubDomains: false },
  xFrameOptions: { action: 'deny' },
};

/** None of them depends on the request, so they are made once. */
export const SECURITY_HEADERS = headersOfHelmet();

function headersOfHelmet(): Readonly<Record<string, string>> {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  helmet(OPTIONS)(response.req, response, () => undefined);
  return Object.fromEntries(
    Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]),
  );
}

// Prints the OpenAPI document of everything that a server can answer, with the default limits:
// node --conditions=tasktrail-source scripts/openapi.mjs
import { SETTINGS } from '../config/settings.ts';
import { intakeRoutes } from '../src/http/intake/intake-routes.ts';
import { openApiDocument } from '../src/http/openapi.ts';
import { dashboardRoutes } from '../src/http/routes.ts';
import { VERSION } from '../src/version.ts';

const routes = dashboardRoutes({
  defaultLimit: Number(SETTINGS.TASK_DASHBOARD_SNAPSHOT_DEFAULT_LIMIT.fallback),
  maxLimit: Number(SETTINGS.TASK_DASHBOARD_SNAPSHOT_MAX_LIMIT.fallback),
});
console.log(JSON.stringify(openApiDocument({ ...routes, ...intakeRoutes }, VERSION), null, 2));

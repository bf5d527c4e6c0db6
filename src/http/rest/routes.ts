// The route table: one row for each endpoint, for the handler, OpenAPI, docs/reference/http.md and the metrics.
import type { Route } from "./route.js";
import { accountRoutes } from "./routes/account.js";
import { apiKeysRoutes } from "./routes/api-keys.js";
import { connectRoutes } from "./routes/connect.js";
import { factorsRoutes } from "./routes/factors.js";
import { loginRoutes } from "./routes/login.js";
import { mailRoutes } from "./routes/mail.js";
import { outsideRoutes } from "./routes/outside.js";
import { publishedRoutes } from "./routes/published.js";
import { servicesRoutes } from "./routes/services.js";
import { sessionsRoutes } from "./routes/sessions.js";

export const routes = [
  ...loginRoutes,
  ...sessionsRoutes,
  ...accountRoutes,
  ...factorsRoutes,
  ...apiKeysRoutes,
  ...outsideRoutes,
  ...mailRoutes,
  ...servicesRoutes,
  ...connectRoutes,
  ...publishedRoutes,
] as const;

/** Paths for later endpoints (docs/reference/contract.md §4). They return 404. Applications must not use them. */
export const reservedPaths: readonly string[] = [
  "/device",
  "/act-as",
  "/orgs",
  "/invites",
  "/admin",
  "/userinfo",
  "/move",
];

// Finds the rows of the route table by path. Matching is exact: no case folding, no decoding, no trailing slash.

export interface RouteMatch {
  readonly route: Route;
  /** Path parameters by name. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Returns all rows with this path, by method. The map is empty when there is none. */
type FindRoutes = (path: string) => ReadonlyMap<string, RouteMatch>;

export function createFindRoutes(routes: readonly Route[]): FindRoutes {
  const patterns = routes.map((route) => ({ route, pattern: patternOf(route.path) }));
  return (path) => {
    const matches = new Map<string, RouteMatch>();
    const fixed = patterns.filter(({ route }) => route.path === path);
    for (const { route, pattern } of fixed.length > 0 ? fixed : patterns) {
      const found = pattern.exec(path);
      if (found !== null) matches.set(route.method, { route, parameters: found.groups ?? {} });
    }
    return matches;
  };
}

function patternOf(path: string): RegExp {
  const source = path.replace(/[.]/g, "\\$&").replace(/\{(\w+)\}/g, "(?<$1>[^/;]+)");
  return new RegExp(`^${source}$`);
}

// The route table: one row for each endpoint. The handler, OpenAPI, docs/reference/http.md and the labels of metrics derive from it.

import { accountRoutes } from "./routes/account.js";
import { factorsRoutes } from "./routes/factors.js";
import { keysRoutes } from "./routes/keys.js";
import { loginRoutes } from "./routes/login.js";
import { mailRoutes } from "./routes/mail.js";
import { outsideRoutes } from "./routes/outside.js";
import { publishedRoutes } from "./routes/published.js";
import { sessionsRoutes } from "./routes/sessions.js";

export const routes = [
  ...loginRoutes,
  ...sessionsRoutes,
  ...accountRoutes,
  ...factorsRoutes,
  ...keysRoutes,
  ...outsideRoutes,
  ...mailRoutes,
  ...publishedRoutes,
] as const;

/** Paths for endpoints of later versions (docs/reference/contract.md §4). They return 404, and applications must not use them. */
export const reservedPaths: readonly string[] = [
  "/token",
  "/revoke",
  "/introspect",
  "/device",
  "/authorize",
  "/act-as",
  "/orgs",
  "/invites",
  "/admin",
];

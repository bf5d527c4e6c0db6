// Finds the rows of the route table by path. Matching is exact: no case folding, no decoding, no trailing slash.
import type { Route } from "./route.js";

export interface RouteMatch {
  readonly route: Route;
  /** Path parameters by name. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Returns all rows with this path, by method. The map is empty when there is none. */
export type FindRoutes = (path: string) => ReadonlyMap<string, RouteMatch>;

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

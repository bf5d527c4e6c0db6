// The examples that must be installed and built: the folder of each under examples/, and its guarded route.
export interface Host {
  readonly folder: string;
  /** The guarded route, and the response to a request without a token. */
  readonly path: string;
  readonly strangers: 200 | 401;
  /** A page that sends strangers to the sign-in page (docs/guides/recipes/protect-pages.md). */
  readonly page?: string;
  /** A page or route that renews the session of its visitor (docs/guides/cookies.md). */
  readonly renewed?: string;
  /** Some of the newest need a newer Node than Ampho does. */
  readonly node?: string;
}

export const hosts: readonly Host[] = [
  { folder: "next", path: "/hello/alice", strangers: 401, page: "/account", renewed: "/account", node: "24" },
  { folder: "nitro", path: "/hello", strangers: 401, renewed: "/hello", node: "24" },
  { folder: "nuxt", path: "/hello", strangers: 401, renewed: "/hello", node: "24" },
  { folder: "sveltekit", path: "/hello", strangers: 401, page: "/account", renewed: "/account", node: "24" },
  { folder: "react-router", path: "/hello", strangers: 200, page: "/account", renewed: "/account", node: "24" },
  { folder: "remix", path: "/hello", strangers: 200 },
  { folder: "astro", path: "/hello", strangers: 401, page: "/account", renewed: "/account", node: "24" },
  { folder: "bun", path: "/hello", strangers: 401 },
  { folder: "deno", path: "/hello", strangers: 401 },
];

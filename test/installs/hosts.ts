// The fetch-native hosts: what installs, builds and starts a minimal application of each, made of the snippets of
// docs/frameworks.md and of the files that its own template would bring.
import { snippets } from "../docs/snippets.js";

export interface Host {
  readonly name: string;
  readonly packages: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  /** Checks the types or builds, or both. */
  readonly build: string;
  /** Starts a server on $PORT. */
  readonly start: string;
  /** The guarded route, and what strangers get there. */
  readonly path: string;
  readonly strangers: 200 | 401;
  /** Some of the newest need more than the oldest Node of ours. */
  readonly node?: string;
}

const compiler = "typescript@5.9.3";
const types = "@types/node@24.9.0";
const tsconfig = (options: object, include: readonly string[]) =>
  JSON.stringify({
    compilerOptions: {
      target: "es2022",
      module: "esnext",
      moduleResolution: "bundler",
      strict: true,
      noEmit: true,
      ...options,
    },
    include,
  });

export const hosts: readonly Host[] = [
  {
    name: "Next.js",
    path: "/hello/alice",
    strangers: 401,
    packages: ["next@16.4.6", "react@19.3.1", "react-dom@19.3.1", compiler, types, "@types/react@19"],
    files: {
      ...snippets("ampho.ts", "app/hello/[name]/route.ts", "app/api/security/[...path]/route.ts"),
      "next.config.mjs": `export default { serverExternalPackages: ["ampho"] };`,
    },
    build: "next build",
    start: "exec next start -H 127.0.0.1 -p $PORT",
    node: "24",
  },
  {
    name: "Nitro",
    path: "/hello",
    strangers: 401,
    packages: ["nitro@3.0.0", "h3@2.0.8", compiler, types],
    files: {
      ...snippets("ampho.ts", "server/routes/hello.get.ts", "server/routes/api/security/[...path].ts"),
      "nitro.config.ts": `export default { srcDir: "server" };`,
      "tsconfig.json": tsconfig({ types: ["node"], skipLibCheck: true }, ["server", "ampho.ts"]),
    },
    build: "tsc && nitro build",
    start: "exec node .output/server/index.mjs",
    node: "24",
  },
  {
    name: "Nuxt",
    path: "/hello",
    strangers: 401,
    packages: ["nuxt@4.5.2", compiler, types],
    files: {
      ...snippets("ampho.ts", "server/routes/hello.js", "server/middleware/security.js"),
      "nuxt.config.ts":
        "export default defineNuxtConfig({ telemetry: false, compatibilityDate: '2026-01-01', nitro: { esbuild: { options: { target: 'es2022' } } } });",
      "app/app.vue": "<template><p>Hello</p></template>",
    },
    build: "nuxt build",
    start: "exec node .output/server/index.mjs",
    node: "24",
  },
  {
    name: "SvelteKit",
    path: "/hello",
    strangers: 401,
    packages: [
      "@sveltejs/kit@3.2.0",
      "@sveltejs/adapter-node@6.0.1",
      "@sveltejs/vite-plugin-svelte",
      "svelte@5.57.3",
      "vite",
      "typescript@6.0.3",
      types,
    ],
    files: {
      ...snippets("ampho.ts", "src/routes/hello/+server.ts", "src/routes/api/security/[...path]/+server.ts"),
      "vite.config.js": `import { sveltekit } from "@sveltejs/kit/vite";\nimport adapter from "@sveltejs/adapter-node";\nexport default { plugins: [sveltekit({ adapter: adapter() })] };`,
      "src/app.html": "<!doctype html><html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>",
      "tsconfig.json": JSON.stringify({ extends: "$app/tsconfig", include: ["src", "ampho.ts"] }),
    },
    build: "svelte-kit sync && tsc --noEmit --skipLibCheck && vite build",
    start: "exec node build",
    node: "24",
  },
  {
    name: "React Router",
    path: "/hello",
    strangers: 200,
    packages: [
      "@react-router/dev@8.4.0",
      "@react-router/node@8.4.0",
      "@react-router/serve@8.4.0",
      "react-router@8.4.0",
      "react@19.3.1",
      "react-dom@19.3.1",
      "isbot@5.2.3",
      "vite",
      compiler,
      types,
      "@types/react@19",
    ],
    files: {
      ...snippets("ampho.ts", "app/routes/hello.ts", "app/routes/api.security.$.ts"),
      "vite.config.ts": `import { reactRouter } from "@react-router/dev/vite";\nexport default { plugins: [reactRouter()] };`,
      "app/root.tsx": `import { createElement as h } from "react";\nimport { Outlet, Scripts } from "react-router";\nexport default () => h("html", null, h("body", null, h(Outlet), h(Scripts)));`,
      "app/routes.ts": `import { route } from "@react-router/dev/routes";\nexport default [route("hello/:name?", "routes/hello.ts"), route("api/security/*", "routes/api.security.$.ts")];`,
      "tsconfig.json": tsconfig({ types: ["node"], jsx: "react-jsx", skipLibCheck: true }, ["app", "ampho.ts"]),
    },
    build: "tsc && react-router build",
    start: "HOST=127.0.0.1 exec react-router-serve ./build/server/index.js",
    node: "24",
  },
  {
    name: "Remix 2",
    path: "/hello",
    strangers: 200,
    packages: [
      "@remix-run/dev@2.17.5",
      "@remix-run/node@2.17.5",
      "@remix-run/react@2.17.5",
      "@remix-run/serve@2.17.5",
      "react@18.3.1",
      "react-dom@18.3.1",
      "isbot@5.2.3",
      "vite@6.4.6",
      compiler,
      types,
      "@types/react@18",
    ],
    files: {
      ...snippets("ampho.ts", "app/routes/hello.ts", "app/routes/api.security.$.ts"),
      "vite.config.ts": `import { vitePlugin as remix } from "@remix-run/dev";\nexport default { plugins: [remix({ future: { v3_singleFetch: true } })], build: { target: "es2022" } };`,
      "app/root.tsx": `import { createElement as h } from "react";\nimport { Outlet, Scripts } from "@remix-run/react";\nexport default () => h("html", null, h("body", null, h(Outlet), h(Scripts)));`,
      "tsconfig.json": tsconfig({ types: ["node"], jsx: "react-jsx", skipLibCheck: true }, ["app", "ampho.ts"]),
    },
    build: "tsc && remix vite:build",
    start: "HOST=127.0.0.1 exec remix-serve ./build/server/index.js",
  },
  {
    name: "Astro",
    path: "/hello",
    strangers: 401,
    packages: ["astro@7.3.5", "@astrojs/node@11.1.6", compiler, types],
    files: {
      ...snippets("ampho.ts", "src/pages/hello.ts", "src/pages/api/security/[...path].ts"),
      "astro.config.mjs": `import node from "@astrojs/node";\nexport default { output: "server", adapter: node({ mode: "standalone" }), security: { checkOrigin: true } };`,
      "tsconfig.json": tsconfig({ types: ["node"], skipLibCheck: true }, ["src", "ampho.ts"]),
    },
    build: "tsc && ASTRO_TELEMETRY_DISABLED=1 astro build",
    start: "HOST=127.0.0.1 exec node ./dist/server/entry.mjs",
    node: "24",
  },
  {
    name: "Bun",
    path: "/hello",
    strangers: 401,
    packages: ["bun@1.4.5", compiler, "@types/bun"],
    files: {
      ...snippets("ampho.ts", "bun.ts"),
      "server.ts": `import { routes } from "./bun.js";\nBun.serve({ routes, port: Number(process.env.PORT), hostname: "127.0.0.1", fetch: () => new Response("", { status: 404 }) });`,
      "tsconfig.json": tsconfig({ skipLibCheck: true, types: ["bun"] }, ["*.ts"]),
    },
    build: "tsc",
    start: "exec bun run server.ts",
  },
  {
    name: "Deno",
    path: "/hello",
    strangers: 401,
    packages: ["deno@2.9.6"],
    files: {
      ...snippets("ampho.ts", "deno.ts"),
      "server.ts": `import { handler } from "./deno.ts";\nDeno.serve({ port: Number(Deno.env.get("PORT")), hostname: "127.0.0.1" }, handler);`,
      "deno.json": `{ "nodeModulesDir": "manual", "unstable": ["sloppy-imports"] }`,
    },
    build: "deno check --sloppy-imports server.ts",
    start: "exec deno run --allow-all --sloppy-imports server.ts",
  },
];

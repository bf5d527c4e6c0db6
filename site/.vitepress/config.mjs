import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";
import { configure } from "../markdown.mjs";
import { outputs, read, sidebar, slugify } from "../pages.mjs";

const { version, description } = JSON.parse(read("package.json"));
// A key hole.
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="8" fill="#0969da"/>
<path d="M8 3a3 3 0 0 0-1.5 5.6L5.5 13h5l-1-4.4A3 3 0 0 0 8 3z" fill="#fff"/></svg>`;
const groups = sidebar();

/** Only scripts of the site run, and nothing comes from another host. The inline scripts of the page are named by their hash. */
function policyOf(html) {
  const scripts = [...html.matchAll(/<script(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
    ([, text]) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`,
  );
  return [
    "default-src 'self'",
    `script-src 'self' ${[...new Set(scripts)].join(" ")}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

const isSearched = (page) => page.startsWith("docs/") && !/\/(?:asvs|rfc8725|log-lines|contract)\.md$/.test(page);

export default defineConfig({
  title: "Ampho",
  description,
  lang: "en",
  base: `/${version}/`,
  srcDir: ".pages",
  head: [["link", { rel: "icon", href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  ignoreDeadLinks: "localhostLinks",
  markdown: {
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    anchor: { slugify },
    attrs: { disable: true },
    config: configure,
  },
  themeConfig: {
    version,
    siteTitle: "Ampho",
    nav: [
      ...groups.map(({ text, items }) => ({ text, link: items[0].link })),
      ...(outputs.has("CHANGELOG.md") ? [{ text: "Changes", link: "/CHANGELOG.md" }] : []),
    ],
    sidebar: groups,
    outline: [2, 3],
    search: {
      provider: "local",
      // The name of the button has all of its visible text, which ends with the key.
      options: {
        // Examples, files of deployments, and pages for contributors and reviewers would hide the guides.
        _render: (source, env, md) => (isSearched(env.relativePath) ? md.render(source, env) : ""),
        translations: { button: { buttonText: "Search ", buttonAriaLabel: "Search K" } },
      },
    },
  },
  transformHtml: (html) =>
    html.replace("<head>", `<head>\n    <meta http-equiv="Content-Security-Policy" content="${policyOf(html)}">`),
  vite: {
    build: { assetsInlineLimit: 0, chunkSizeWarningLimit: 4000 },
    // The theme's links to social networks would load icons from another host.
    resolve: {
      alias: [
        {
          find: /^.*\/VPSocialLinks\.vue$/,
          replacement: fileURLToPath(new URL("./theme/Nothing.vue", import.meta.url)),
        },
      ],
    },
  },
});

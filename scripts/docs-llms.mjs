// Writes docs/llms.txt (https://llmstxt.org): facts, one example, and the index of docs/README.md with the titles of the pages. The
// site serves it as /llms.txt, and the text of all written pages as /llms-full.txt.
import { readFileSync } from "node:fs";
import path from "node:path";
import { titleOf } from "./page-links.mjs";

const read = (file) => readFileSync(new URL(`../${file}`, import.meta.url), "utf8");

const facts = `Facts:

- One npm package, \`ampho\`, for Node 20.19 or newer. SQLite is inside (on Node 20 with \`npm install @photostructure/sqlite@1\`), and PostgreSQL needs \`npm install pg\`.
- \`mount(ampho)\` serves the endpoints under \`/api/security\`: login, renew, logout, session, and more where configured.
- \`authorize(ampho, { roles, scopes, acr, maxAge, live, can })\` guards a route. It needs no database, except for \`live\`.
- Imports: \`ampho/express\`, \`/fastify\`, \`/hono\`, \`/koa\`, \`/nest\`, \`/node\`. Next.js and others use \`ampho.fetch\` and
  \`ampho.authorize\`. Browsers import \`ampho/client/mail\`.
- Every option is also an environment variable: \`appUrl\` is \`AMPHO_APP_URL\`, \`cookies\` is \`AMPHO_SECURITY_COOKIES\`.
- Put options into \`ampho.config.js\`, which the application and every command read: \`createAmpho(config)\`. Secrets and
  URLs are in \`.env\` or the environment. Options in code take priority over it.
- Access tokens are JWTs of 15 minutes. A session lasts for 14 days without a request, and for 30 days at most.
- Store \`auth.id\` in your rows, and never \`auth.login\`, which can change.
- Errors are \`{"error": code, "message"}\`. Decide by \`error\`.`;

/** The path and the text of each generated page. */
export function generate() {
  const { description } = JSON.parse(read("package.json"));
  const sections = read("docs/README.md").split(/^## /m).slice(1).map(section);
  const code = read("docs/start/password.md")
    .match(/^```js\n[\s\S]*?^```$/gm)
    ?.join("\n\n");
  return {
    "docs/llms.txt": `# Ampho\n\n> ${description}.\n\n${facts}\n\n${code}\n\n${sections.join("\n\n")}\n`,
  };
}

/** The written pages of the index, in its order, as one text. */
export function fullText() {
  const files = [...read("docs/README.md").matchAll(/\]\(([^)#]+\.md)/g)].map(([, href]) =>
    path.posix.join("docs", href),
  );
  const written = [...new Set(files)].filter((file) => !read(file).startsWith("<!-- Generated"));
  return `${generate()["docs/llms.txt"]}\n${written.map(read).join("\n")}`;
}

function section(text) {
  const [heading, ...lines] = text
    .replace(/\n {2,}(?=\S)/g, " ")
    .trim()
    .split("\n");
  return `## ${heading}\n\n${lines.flatMap(links).join("\n")}`;
}

/** A row of a table has the reader's task and its pages. An item of a list has a page, or several, and a note. */
function links(line) {
  const row = /^\| ([^[|]*) \| (.*) \|$/.exec(line);
  if (row === null && !line.startsWith("- ")) return [];
  const note = row?.[1] ?? /\): (.*)$/.exec(line)?.[1];
  return [...(row?.[2] ?? line).matchAll(/\[[^\]]+\]\(([^)]+)\)/g)].map(([, href]) => {
    const link = `- [${titleOf(path.posix.join("docs", href.replace(/#.*/, "")))}](${href})`;
    return note === undefined ? link : `${link}: ${note}`;
  });
}

// Installs the packages of site/, builds the site, and serves it at http://localhost:4173, or at the port of the argument.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { execFileSync } from "./child-process.mjs";
import { install } from "./install.mjs";

const site = fileURLToPath(new URL("../site/", import.meta.url));
const run = (command, ...args) => execFileSync(command, args, { cwd: site, stdio: ["ignore", 2, 2], timeout: 600_000 });

/** Builds the site into a folder, with exactly the packages of its lock file. */
export function buildSite(folder) {
  const wanted = JSON.parse(readFileSync(`${site}package-lock.json`, "utf8")).packages;
  const file = `${site}node_modules/.package-lock.json`;
  const present = existsSync(file) ? Object.entries(JSON.parse(readFileSync(file, "utf8")).packages) : [];
  if (present.length === 0 || present.some(([name, { version }]) => wanted[name]?.version !== version))
    run("npm", "ci", "--no-audit", "--no-fund");
  run(process.execPath, "build.mjs", folder);
}

/** Serves a folder as a plain static host does it. */
export async function serveSite(folder, port) {
  const { preview } = await import("vite");
  const server = await preview({
    configFile: false,
    root: site,
    appType: "mpa",
    logLevel: "error",
    build: { outDir: folder },
    preview: { port, strictPort: port !== 0, host: "localhost" },
  });
  return { url: server.resolvedUrls.local[0], close: () => server.close() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  install();
  const folder = `${site}dist`;
  buildSite(folder);
  const { url } = await serveSite(folder, Number(process.argv[2] ?? 4173));
  process.stderr.write(`The site is at ${url}\n`);
}

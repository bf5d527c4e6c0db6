// One run of Vitest under the watchdog. With a folder for reports it leaves two files there. NAME.json has the results.
// NAME.run.json states how to run a file once more, whether the run passed, and the time of each file.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { root } from "./install.mjs";
import { runWatched } from "./watchdog.mjs";

const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The command and the arguments that run this Node, or another version of it, which npm has as a package. */
export const onNode = (node, args) =>
  node === undefined
    ? [process.execPath, args]
    : ["npx", ["-y", "-p", `node@${node}`, "-c", ["node", ...args].map(quote).join(" ")]];

/**
 * Resolves with whether the run passed. `args` are those of `vitest run` that are the same for each file, and `files`
 * its filters. `cwd` is the folder of the project.
 */
export async function runVitest({ name, node, args, files }, { reports, stallMs, totalMs, cwd = root }) {
  const report = path.resolve(cwd, reports ?? "", `${name}.json`);
  const [command, all] = onNode(node, [
    path.join(root, "node_modules/vitest/vitest.mjs"),
    "run",
    ...(args.some((one) => one.startsWith("--reporter")) ? [] : ["--reporter=default"]),
    `--reporter=${path.join(root, "scripts/progress.mjs")}`,
    ...(reports === undefined ? [] : ["--reporter=json", `--outputFile.json=${report}`]),
    ...args,
    ...files,
  ]);
  const { passed, wallMs, fileMs } = await runWatched(command, all, { cwd, reports, stallMs, totalMs });
  if (reports !== undefined)
    writeFileSync(report.replace(/json$/, "run.json"), JSON.stringify({ node, args, cwd, passed, wallMs, fileMs }));
  return passed;
}

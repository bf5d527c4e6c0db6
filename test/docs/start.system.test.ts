// Follows docs/getting-started.md, which begins with an empty folder. Their packages are those of the repository.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { execFileSync, spawnSync } from "../../scripts/child-process.mjs";
import { type Consumer, installPacked } from "../examples/packed.js";
import { freePort } from "../world/free-port.js";
import { environment } from "./readme.js";
import { password, readStartPage, startPages, startServer, usePage, withPort, writeFiles } from "./start.js";

// `start.install.test.ts` also installs Next.js.
describe.each(startPages.filter(({ example }) => example !== "next"))("$framework", (page) => {
  let consumer: Consumer;
  beforeAll(async () => {
    consumer = await installPacked();
  });
  afterAll(() => consumer?.remove());

  usePage(page, async () => {
    const { folder, ampho } = consumer;
    writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "module" }));
    const { prepare, start } = readStartPage(page);
    const [before, ...after] = prepare.split(/^npm install .*\n/m);
    expect(before).toBe("mkdir shop && cd shop\nnpm init -y && npm pkg set type=module\n");
    const commands = after.join("").replace("npx ampho", `"${process.execPath}" "${ampho}"`);
    const port = await freePort();
    execFileSync("sh", ["-ec", withPort(commands, port)], { cwd: folder, env: environment, stdio: "pipe" });
    writeFiles(folder, page, port);
    return {
      url: `http://localhost:${port}`,
      server: startServer(withPort(start, port), folder, environment),
      ampho(...args) {
        const options = { cwd: folder, env: environment, encoding: "utf8", input: password } as const;
        const { status, stdout, stderr } = spawnSync(process.execPath, [ampho, ...args], options);
        expect(status, stderr).toBe(0);
        return stdout + stderr;
      },
    };
  });
});

// Installs, builds, and runs every test; arguments go to vitest.
import { install, run } from "./install.mjs";

install();
run(process.execPath, ["scripts/build.mjs"]);
run("npx", ["--no-install", "vitest", "run", ...process.argv.slice(2)], { stdio: "inherit" });

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // These install other packages: `npm run test:all`.
    exclude: ["test/installs/**"],
    globalSetup: "test/world/tarball.ts",
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // On a machine that is busy with something else a second is soon over. Deadlines that are promised say so themselves.
    expect: { poll: { timeout: 15_000 } },
    // The tests import the build, as users do: Node loads it by itself, and nothing is compiled for each file of tests.
    server: { deps: { external: [/\/(?:dist|cjs)\//] } },
    pool: "forks",
    // Most of the time of most files is waiting, for processes that start and for deadlines: three at once also on two cores.
    maxWorkers: 3,
    typecheck: { enabled: false },
  },
});

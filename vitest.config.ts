import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // These install other packages: `npm run test:all`.
    exclude: ["test/installs/**"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    // Most of the time of most files is waiting, for processes that start and for deadlines: two at once also on two cores.
    maxWorkers: 2,
    typecheck: { enabled: false },
  },
});

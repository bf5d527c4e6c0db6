// `npm run test:all`: what has to install other packages first, and so takes its time.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/installs/**/*.test.ts"],
    globalSetup: "test/world/tarball.ts",
    testTimeout: 600_000,
    hookTimeout: 600_000,
    pool: "forks",
    fileParallelism: false,
  },
});

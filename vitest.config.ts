// The three tiers of the tests. The end of a file's name decides in which tier it is:
// - `*.system.test.ts`, `npm run test:system`: fleets, proxies, faults, histories, runbooks
// - `*.install.test.ts`, `npm run test:all`: tests that install other packages
// - `*.test.ts`, `npm test`: everything else
//
// `npx vitest run FILE` runs any file, whatever its tier.
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./scripts/longest-first.mjs";

const shared = {
  setupFiles: "test/world/set-up.ts",
  // Far above any test on an idle machine, so that only a test that hangs reaches it.
  testTimeout: 180_000,
  hookTimeout: 240_000,
  // On a busy machine a few seconds pass quickly. Promised deadlines are measured by test/world/deadline.ts.
  expect: { poll: { timeout: 60_000 } },
  // Tests import the build, as users do. Node loads it natively, so nothing is compiled again for each file.
  server: { deps: { external: [/\/dist\//] } },
  pool: "forks",
  // Most files spend their time waiting for processes and deadlines, so three workers suit two cores.
  maxWorkers: 3,
} as const;

export default defineConfig({
  test: {
    globalSetup: "test/world/shared.ts",
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...shared,
          name: "rooms",
          // A file leaves nothing behind. So its process also runs other files, and loads everything once: 90 s less on one core.
          isolate: false,
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.{system,install}.test.ts"],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...shared,
          name: "system",
          include: ["test/**/*.system.test.ts"],
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...shared,
          name: "install",
          include: ["test/**/*.install.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

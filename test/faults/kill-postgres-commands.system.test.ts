// kill -9 of the process and of PostgreSQL, before each commit of the commands that write (kill-postgres.ts).
import { describe, expect, it } from "vitest";
import { killBeforeEachCommitOf } from "./kill-postgres.js";
import { writes } from "./writes.js";

const part = writes.filter(({ command }) => command !== undefined);

describe("a kill before the commit of a command", () => {
  killBeforeEachCommitOf(part);

  it("the commands are all writes but the others", () => {
    expect(part).toHaveLength(14);
    expect(writes).toHaveLength(25);
  });
});

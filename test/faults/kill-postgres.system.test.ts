// kill -9 of the process and of PostgreSQL, before each commit of the requests that write (kill-postgres.ts).
import { describe, expect, it } from "vitest";
import { killBeforeEachCommitOf } from "./kill-postgres.js";
import { writes } from "./writes.js";

const part = writes.filter(({ ask }) => ask !== undefined);

describe("a kill before the commit of a request", () => {
  killBeforeEachCommitOf(part);

  it("the requests are all writes but the others", () => {
    expect(part).toHaveLength(11);
    expect(writes).toHaveLength(25);
  });
});

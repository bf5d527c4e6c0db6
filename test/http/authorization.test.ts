import { describe, expect, it } from "vitest";
import { onlyAuthorization, splitAuthorization } from "../../dist/http/rest/request/target.js";

describe("an Authorization value that a host has joined", () => {
  it.each([
    [null, 0],
    ["", 1],
    ["Bearer a", 1],
    ["Basic YTpi", 1],
    ['Digest username="a", realm="b"', 1],
    ["Bearer a, Bearer b", 2],
    ["bearer a,bearer b", 2],
    ["Bearer a, Basic b", 2],
    ["Basic a, Bearer b", 2],
    ["Bearer a, b", 2],
    ["Basic a, Bearer", 2],
  ])("the joined value %j counts as %i", (joined, count) => expect(splitAuthorization(joined)).toHaveLength(count));

  it("a request can have one Authorization value or none", () => {
    expect(onlyAuthorization([])).toBeUndefined();
    expect(onlyAuthorization(["Bearer a"])).toBe("Bearer a");
    expect(() => onlyAuthorization(["Bearer a", "Bearer a"])).toThrow(
      expect.objectContaining({ code: "invalid_request" }),
    );
  });
});

import { describe, expect, it } from "vitest";
import { attemptSourceOf } from "../../dist/throttle/sources.js";

describe("the sources of an attempt", () => {
  it("an IPv4 address is a source as a whole", () => {
    expect(attemptSourceOf("192.0.2.7")).toEqual({ address: "192.0.2.7", network: undefined });
  });

  it("an IPv6 address counts by its /64 and its /48, however it is written", () => {
    const source = { address: "2001:db8:1:2::/64", network: "2001:db8:1::/48" };
    for (const text of [
      "2001:db8:1:2::1",
      "2001:0DB8:0001:0002:ffff:ffff:ffff:ffff",
      "2001:db8:1:2::192.0.2.1",
      "2001:db8:1:2:3::%eth0",
    ])
      expect(attemptSourceOf(text), text).toEqual(source);
    expect(attemptSourceOf("2001:db8::1")).toEqual({ address: "2001:db8:0:0::/64", network: "2001:db8:0::/48" });
    expect(attemptSourceOf("::1")).toEqual({ address: "0:0:0:0::/64", network: "0:0:0::/48" });
  });

  it("an IPv6 address that embeds an IPv4 address counts as that address", () => {
    for (const text of ["::ffff:192.0.2.7", "::ffff:c000:207", "64:ff9b::192.0.2.7"])
      expect(attemptSourceOf(text), text).toEqual({ address: "192.0.2.7", network: undefined });
  });

  it("an unknown address has no source, so that unknown callers share no counter", () => {
    for (const text of [undefined, "", "unknown", "300.1.1.1", "/run/socket"])
      expect(attemptSourceOf(text), text).toBeUndefined();
  });
});

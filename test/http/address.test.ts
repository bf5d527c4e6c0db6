import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientAddress, normalizeAddress } from "../../dist/http/rest/request/client-address.js";

const peer = "10.0.0.1";
const of = (hops: number, forwardedFor?: string, forwarded?: string) =>
  clientAddress(peer, (name) => (name === "forwarded" ? forwarded : forwardedFor), hops);

fc.configureGlobal({ seed: 20_260_101 });

describe("the address of a client", () => {
  it.each([
    ["no proxy is trusted", of(0, "203.0.113.7"), peer],
    ["one hop, one entry", of(1, "203.0.113.7"), "203.0.113.7"],
    ["one hop believes only the rightmost entry", of(1, "1.1.1.1, 203.0.113.7"), "203.0.113.7"],
    ["two hops believe the second from the right", of(2, "1.1.1.1, 203.0.113.7, 10.0.0.2"), "203.0.113.7"],
    ["too few hops", of(2, "203.0.113.7"), peer],
    ["no header at all", of(1), peer],
    ["an empty header", of(1, ""), peer],
    ["rubbish", of(1, "unknown"), peer],
    ["rubbish left of what is believed", of(1, "<script>, 203.0.113.7"), "203.0.113.7"],
    ["an obfuscated node", of(1, undefined, "for=_hidden"), peer],
    [
      "Forwarded, RFC 7239",
      of(1, undefined, "for=192.0.2.43, For=198.51.100.17;by=203.0.113.60;proto=http"),
      "198.51.100.17",
    ],
    [
      "Forwarded with a quoted IPv6 and a port",
      of(1, undefined, 'for="[2001:db8:cafe::17]:4711"'),
      "2001:db8:cafe::17",
    ],
    ["Forwarded with a comma in a quoted string", of(1, undefined, 'for=192.0.2.1;by="a,b"'), "192.0.2.1"],
    ["Forwarded whose grammar is broken", of(1, undefined, 'for="192.0.2.1'), peer],
    ["Forwarded that names `for` twice in one element", of(1, undefined, "for=192.0.2.1;for=192.0.2.2"), peer],
    ["Forwarded without `for`", of(1, undefined, "proto=https"), peer],
    ["both, and they agree", of(1, "192.0.2.43", "for=192.0.2.43"), "192.0.2.43"],
    ["both, and they disagree", of(1, "192.0.2.43", "for=192.0.2.44"), peer],
    ["both, and one is rubbish", of(1, "192.0.2.43", "for=unknown"), peer],
  ])("%s", (_, address, expected) => expect(address).toBe(expected));

  it.each([
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:C000:0201", "192.0.2.1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:db8::1]:443", "2001:db8::1"],
    ["2001:0DB8:0000::0001", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["192.0.2.1:65535", "192.0.2.1"],
    [" 192.0.2.1 ", "192.0.2.1"],
    ["192.0.2", undefined],
    ["192.0.2.1:port", undefined],
    ["192.0.02.1", undefined],
    ["0x7f.1", undefined],
    ["", undefined],
    ["localhost", undefined],
    ["[::1", undefined],
  ])("%j is %j", (text, address) => expect(normalizeAddress(text)).toBe(address));

  it("a client IP address is always a valid address", () => {
    const piece = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.constantFrom("for=", ",", ";", '"', "\\", "[", "]"));
    const value = fc.array(piece).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(
        fc.option(value, { nil: undefined }),
        fc.option(value, { nil: undefined }),
        fc.nat(4),
        (a, b, hops) => {
          const address = of(hops, a, b);
          expect(address).toBe(normalizeAddress(address ?? ""));
        },
      ),
    );
  });
});

// The sources that an address counts in. An IPv4 address counts as it is. An IPv6 address counts by its /64, which one
// customer has at least (RFC 6177), and by its /48, which one customer can have. IPv4 embedded in IPv6 counts as IPv4.
import { isIP } from "node:net";

export interface AttemptSource {
  /** An IPv4 address, or `2001:db8:1:2::/64`. */
  readonly address: string;
  /** `2001:db8:1::/48`. */
  readonly network: string | undefined;
}

/** A network (/48) can fail with so many times the logins of one address. */
export const networkTimes = 5;

/** Undefined for a text that is no address. Such callers are counted by login only, never together as one source. */
export function attemptSourceOf(text: string | undefined): AttemptSource | undefined {
  const bare = text?.replace(/%.*$/s, "") ?? "";
  const version = isIP(bare);
  if (version === 0) return undefined;
  if (version === 4) return { address: bare, network: undefined };
  const groups = groupsOf(bare);
  const embedded = ipv4Of(groups);
  if (embedded !== undefined) return { address: embedded, network: undefined };
  return { address: prefixOf(groups, 4), network: prefixOf(groups, 3) };
}

function groupsOf(address: string): readonly number[] {
  // WHATWG URL writes the canonical form, with IPv4 at the end as two groups.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const parse = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const before = parse(head);
  const behind = parse(tail ?? "");
  const between = Array.from({ length: 8 - before.length - behind.length }, () => 0);
  return [...before, ...between, ...behind];
}

/** `::ffff:0:0/96` (RFC 4291 §2.5.5.2) and `64:ff9b::/96` (RFC 6052), where the whole of IPv4 is in one /64. */
const ipv4Prefixes: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0, 0xffff],
  [0x64, 0xff9b, 0, 0, 0, 0],
];

function ipv4Of(groups: readonly number[]): string | undefined {
  if (!ipv4Prefixes.some((prefix) => prefix.every((group, at) => groups[at] === group))) return undefined;
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 255])
    .join(".");
}

function prefixOf(groups: readonly number[], count: number): string {
  const kept = groups.slice(0, count).map((group) => group.toString(16));
  return `${kept.join(":")}::/${count * 16}`;
}

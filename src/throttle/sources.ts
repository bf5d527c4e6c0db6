// Where attempts come from, as they are counted: IPv4 addresses whole, IPv6 by the /64 that one customer has at least
// (RFC 6177) and by the /48 that one may have, IPv4 in IPv6 clothes as IPv4.
import { isIP } from "node:net";

export interface AttemptSource {
  /** An IPv4 address, or `2001:db8:1:2::/64`. */
  readonly address: string;
  /** `2001:db8:1::/48`. */
  readonly network: string | undefined;
}

/** Undefined for what is no address: such callers are counted by login only, never all together as one. */
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

/** The eight groups of an IPv6 address, as numbers. */
function groupsOf(address: string): readonly number[] {
  // WHATWG URL writes the canonical form, and IPv4 at the end as two groups.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const parse = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const before = parse(head);
  const behind = parse(tail ?? "");
  const between = Array.from({ length: 8 - before.length - behind.length }, () => 0);
  return [...before, ...between, ...behind];
}

/** Of `::ffff:0:0/96` (RFC 4291 §2.5.5.2) and `64:ff9b::/96` (RFC 6052), in which the whole of IPv4 lies in one /64. */
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

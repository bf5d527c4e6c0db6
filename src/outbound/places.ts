// Places for the requests to one other server. Each waits for that server for up to some seconds. The client that
// causes it can be an attacker, who must not take the places of all others.
import { isIPv4 } from "node:net";

/** Where a client is: its address (IPv4, or an IPv6 /64), and the network of an IPv6 address (a /48). */
export interface ClientSource {
  readonly address: string;
  readonly network: string | undefined;
}

export class NoPlace extends Error {
  override readonly name = "NoPlace";
  /** The client has taken its share, and others still have places. */
  readonly isShare: boolean;

  constructor(isShare: boolean) {
    super(isShare ? "too many requests of one address at once" : "too many requests at once");
    this.isShare = isShare;
  }
}

/** An address can take an eighth of the places, and a network (an IPv4 /24 or an IPv6 /48) a quarter. */
export function createPlaces(max: number) {
  const taken = new Map<string, number>();
  let running = 0;

  return {
    /** Rejects with NoPlace. */
    async run<T>(source: ClientSource | undefined, work: () => Promise<T>): Promise<T> {
      const shares = sharesOf(source, max);
      if (shares.some(([name, share]) => (taken.get(name) ?? 0) >= share)) throw new NoPlace(true);
      if (running >= max) throw new NoPlace(false);
      running++;
      for (const [name] of shares) addTo(taken, name, 1);
      try {
        return await work();
      } finally {
        running--;
        for (const [name] of shares) addTo(taken, name, -1);
      }
    },
  };
}

function sharesOf(source: ClientSource | undefined, max: number): readonly (readonly [string, number])[] {
  if (source === undefined) return [];
  const { address, network = isIPv4(address) ? address.replace(/\d+$/, "0/24") : undefined } = source;
  return [[address, max / 8], ...(network === undefined ? [] : [[network, max / 4] as const])];
}

/** A name without a count needs no memory. */
export function addTo(counts: Map<string, number>, name: string, by: number): void {
  const count = (counts.get(name) ?? 0) + by;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}

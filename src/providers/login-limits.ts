// The limits of logins at one provider. Each waits for the provider for up to some seconds, and its code can be invented.
import { transactionOver } from "../errors.js";
import { OutsideRejection, ProviderFailure } from "./rejection.js";

/** The network address of a client, as the throttle counts it. */
export interface LoginSource {
  readonly address: string;
  readonly network: string | undefined;
}

/** Logins at once: in all, of one network (an IPv6 /48), and of one address (IPv4, or an IPv6 /64). */
const atOnceMax = 64;
const networkMax = 16;
const addressMax = 8;

/** A provider has judged so many codes of one login, in this process. */
const codesMax = 5;
/** A login that is dropped from memory gets its codes again. An attacker could as well begin another one. */
const keptMax = 10_000;

/** Too many logins of one network address are at the provider. */
export class SourceBusy extends Error {
  override readonly name = "SourceBusy";
}

export interface LoginLimits {
  /** `login` identifies the login. Rejects with SourceBusy, ProviderFailure, or AmphoError `transaction_over`. */
  run<T>(login: string, source: LoginSource | undefined, work: () => Promise<T>): Promise<T>;
}

export function createLoginLimits(): LoginLimits {
  const atOnce = new Map<string, number>();
  const codes = new Map<string, number>();
  let running = 0;

  return {
    async run(login, source, work) {
      const places = placesOf(source);
      const used = codes.get(login) ?? 0;
      if (used >= codesMax) throw transactionOver();
      // First its own limit, because the other one is a failure in the log of the operator.
      if (places.some(([name, max]) => (atOnce.get(name) ?? 0) >= max)) throw new SourceBusy();
      if (running >= atOnceMax) throw new ProviderFailure(`it has ${atOnceMax} logins at once`);
      running++;
      for (const [name] of places) add(atOnce, name, 1);
      // Counted before the provider responds, or a thousand codes could be sent meanwhile.
      add(codes, login, 1);
      const [oldest] = codes.keys();
      if (codes.size > keptMax && oldest !== undefined) codes.delete(oldest);
      let judged = false;
      try {
        return await work();
      } catch (error) {
        judged = error instanceof OutsideRejection && error.reason !== "response";
        throw error;
      } finally {
        running--;
        for (const [name] of places) add(atOnce, name, -1);
        if (!judged) add(codes, login, -1);
      }
    },
  };
}

function placesOf(source: LoginSource | undefined): readonly (readonly [string, number])[] {
  if (source === undefined) return [];
  const { address, network } = source;
  return [[address, addressMax], ...(network === undefined ? [] : [[network, networkMax] as const])];
}

function add(counts: Map<string, number>, name: string, by: number): void {
  const count = (counts.get(name) ?? 0) + by;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}

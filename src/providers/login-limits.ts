// The limits of logins at one provider. Each waits for the provider for up to some seconds, and its code can be invented.
import { AmphoError, transactionOver } from "../errors.js";
import { addTo, type ClientSource, createPlaces, NoPlace } from "../outbound/places.js";
import { OutsideRejection, ProviderFailure } from "./provider.js";

const atOnceMax = 64;
/** A provider has judged so many codes of one login, in this process. */
const codesMax = 5;
/** A login that is dropped from memory gets its codes again. An attacker could as well begin another one. */
const keptMax = 10_000;

export interface LoginLimits {
  /** `login` identifies the login. Rejects with ProviderFailure, or with AmphoError `unavailable` or `transaction_over`. */
  run<T>(login: string, source: ClientSource | undefined, work: () => Promise<T>): Promise<T>;
}

export function createLoginLimits(): LoginLimits {
  const places = createPlaces(atOnceMax);
  const codes = new Map<string, number>();

  async function judge<T>(login: string, work: () => Promise<T>): Promise<T> {
    // Counted before the provider responds, or a thousand codes could be sent meanwhile.
    addTo(codes, login, 1);
    const [oldest] = codes.keys();
    if (codes.size > keptMax && oldest !== undefined) codes.delete(oldest);
    let judged = false;
    try {
      return await work();
    } catch (error) {
      judged = error instanceof OutsideRejection && error.reason !== "response";
      throw error;
    } finally {
      if (!judged) addTo(codes, login, -1);
    }
  }

  return {
    async run(login, source, work) {
      if ((codes.get(login) ?? 0) >= codesMax) throw transactionOver();
      return places
        .run(source, () => judge(login, work))
        .catch((error: unknown) => {
          if (!(error instanceof NoPlace)) throw error;
          // All places are taken, which the operator must see in the log.
          if (!error.isShare) throw new ProviderFailure(`it has ${atOnceMax} logins at once`);
          throw new AmphoError("unavailable", "Too many logins of your network wait for the provider. Try again.", {
            retryAfterSeconds: 1,
          });
        });
    },
  };
}

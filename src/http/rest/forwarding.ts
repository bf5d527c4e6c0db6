// Requests that a proxy has passed on while none is believed (AMPHO_TRUST_PROXY is 0): then every client has the proxy's
// address. Or somebody makes the headers up, which is why they count for nothing.

/** What `/readyz` says of a request that came so. */
export const forwardedIgnored = "forwarded_ignored";

export const forwardedLine =
  "requests carry X-Forwarded-For or Forwarded, and AMPHO_TRUST_PROXY is 0: if a proxy of yours stands in front, set it to how many there are";

export function isForwarded(header: (name: string) => string | readonly string[] | undefined): boolean {
  return header("x-forwarded-for") !== undefined || header("forwarded") !== undefined;
}

// Ceremonies of WebAuthn without a browser.
import { getEventListeners } from "node:events";
import { afterEach, expect, it, vi } from "vitest";
import { createCeremonies } from "../../dist/client/ceremonies.js";

afterEach(() => vi.unstubAllGlobals());

it("ceremonies leave no listener on a signal that outlives them", async () => {
  const ceremonies = createCeremonies();
  const { signal } = new AbortController();
  const during = await ceremonies.modal(async () => getEventListeners(signal, "abort").length, signal);
  expect(await ceremonies.modal(async () => Promise.reject(new Error("cancelled")), signal).catch(() => 0)).toBe(0);
  vi.stubGlobal("PublicKeyCredential", { isConditionalMediationAvailable: async () => true });
  vi.stubGlobal("navigator", { credentials: { get: async () => ({ toJSON: () => ({ id: "passkey-1" }) }) } });
  const begin = async () => ({ passkey: { challenge: "AAAA" } });
  expect(await ceremonies.autofill(begin, signal)).toMatchObject([{}, { id: "passkey-1" }]);
  expect([during, getEventListeners(signal, "abort").length]).toEqual([1, 0]);
});

// The behaviour that every database must have, as one suite. `open` returns an empty one.
import { afterEach, beforeEach, describe } from "vitest";
import type { Store } from "../../dist/store/store.js";
import { attemptContract } from "./contract-attempts.js";
import { auditContract } from "./contract-audit.js";
import { endingContract } from "./contract-endings.js";
import { housekeepingContract } from "./contract-housekeeping.js";
import { importContract } from "./contract-imports.js";
import { mailContract } from "./contract-mail.js";
import { renewalContract } from "./contract-renewal.js";
import { sessionContract } from "./contract-sessions.js";
import { userEventContract } from "./contract-user-events.js";
import { userContract } from "./contract-users.js";

/** Gives the store that `beforeEach` has opened. */
export type Opened = () => Store;

export function storeContract(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    let store: Store | undefined;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(async () => {
      await store?.close();
    });
    const opened = (): Store => {
      if (!store) throw new Error("No `Store` is open.");
      return store;
    };
    describe("users", () => userContract(opened));
    describe("user events", () => userEventContract(opened));
    describe("imports", () => importContract(opened));
    describe("sessions", () => sessionContract(opened));
    describe("renewal", () => renewalContract(opened));
    describe("endings and revocations", () => endingContract(opened));
    describe("mail", () => mailContract(opened));
    describe("attempts", () => attemptContract(opened));
    describe("housekeeping", () => housekeepingContract(opened));
    describe("audit", () => auditContract(opened));
  });
}

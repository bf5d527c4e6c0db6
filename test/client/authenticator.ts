// A virtual authenticator of Chromium (https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/).
import type { CDPSession, Page } from "playwright-core";

type Options = Parameters<typeof addTo>[1];

export interface Authenticator {
  readonly cdp: CDPSession;
  /** The ids of the credentials that a page deleted or updated by the Signal API, as `deleted ID` and `updated ID NAME`. */
  readonly signals: string[];
  credentials(): Promise<readonly Credential[]>;
  add(credential: Credential): Promise<void>;
  remove(credential: Credential): Promise<void>;
  /** Without a touch, ceremonies that begin later wait. */
  touch(touches: boolean): Promise<void>;
  override(bits: { isBogusSignature?: boolean; isBadUV?: boolean; isBadUP?: boolean }): Promise<void>;
}

type Credential = Awaited<ReturnType<typeof listOf>>[number];

const addTo = (cdp: CDPSession, more: object = {}) =>
  cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      ctap2Version: "ctap2_1",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      ...more,
    },
  });

const listOf = async (cdp: CDPSession, authenticatorId: string) =>
  (await cdp.send("WebAuthn.getCredentials", { authenticatorId })).credentials;

/** A platform authenticator with user verification, unless the options say otherwise. */
export async function addAuthenticator(tab: Page, options?: Options): Promise<Authenticator> {
  const cdp = await tab.context().newCDPSession(tab);
  await cdp.send("WebAuthn.enable", { enableUI: false });
  const { authenticatorId } = await addTo(cdp, options);
  const signals: string[] = [];
  cdp.on("WebAuthn.credentialDeleted", ({ credentialId }) => void signals.push(`deleted ${credentialId}`));
  cdp.on("WebAuthn.credentialUpdated", ({ credential: { credentialId, userName } }) => {
    signals.push(`updated ${credentialId} ${userName}`);
  });
  return {
    cdp,
    signals,
    credentials: () => listOf(cdp, authenticatorId),
    async add(credential) {
      await cdp.send("WebAuthn.addCredential", { authenticatorId, credential });
    },
    async remove({ credentialId }) {
      await cdp.send("WebAuthn.removeCredential", { authenticatorId, credentialId });
    },
    async touch(enabled) {
      await cdp.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled });
    },
    async override(bits) {
      const none = { isBogusSignature: false, isBadUV: false, isBadUP: false };
      await cdp.send("WebAuthn.setResponseOverrideBits", { authenticatorId, ...none, ...bits });
    },
  };
}

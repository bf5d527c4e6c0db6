"use client";

import { FactorNeeded } from "ampho/client/mail";
import { useEffect, useRef, useState } from "react";
import { client, messageOf } from "./client";

const openAccount = (session) => session && location.assign("/account");

/** After a password, a user with a passkey also needs the passkey. Where a policy requires one, the user sets it up here. */
async function logIn(email, password) {
  try {
    return await client.login(email, password);
  } catch (error) {
    if (!(error instanceof FactorNeeded)) throw error;
    if (error.factors.includes("passkey")) return error.finish({ passkey: true }).catch(withRecoveryCode(error));
    if (!error.enroll) throw error;
    const code = error.mail ? prompt("The code from the mail that you just got") : undefined;
    const { session, recoveryCodes } = await client.passkeys.add(error, { name: "This device", code });
    alert(`Keep these recovery codes:\n${recoveryCodes.join("\n")}`);
    return session;
  }
}

/** For a user who has lost the device. */
const withRecoveryCode = (needed) => (failed) => {
  const recoveryCode = prompt("No passkey was used. Without your device, type a recovery code:");
  if (!recoveryCode) throw failed;
  return needed.finish({ recoveryCode });
};

/** A token ends after 15 minutes, and the session goes on. `fetch` renews the token. */
async function resume() {
  if (await client.session()) openAccount((await client.fetch("/api/orders")).ok);
}

/** An account with a passkey also needs the passkey. */
async function setPassword(link, { match, newPassword }) {
  const proof = { match: match || undefined, newPassword };
  await link.finish(proof).catch((error) => {
    if (error.code !== "factor_needed") throw error;
    return link.finish({ ...proof, passkey: true });
  });
}

export function SignIn() {
  const [problem, setProblem] = useState("");
  const [email, setEmail] = useState("");
  const [registration, setRegistration] = useState();
  const [link, setLink] = useState();
  const show = (error) => setProblem(messageOf(error));

  const opened = useRef();
  useEffect(() => {
    const page = new AbortController();
    opened.current ??= client.followLink(); // the link of a mail opens this page, and does nothing by itself
    const followed = opened.current; // in development, React runs an effect twice
    if (followed?.for === "register") setRegistration(followed);
    if (followed?.for === "login") setProblem("Open the link on the page that asked for it.");
    if (followed) setLink(followed);
    else resume().catch(show);
    client.loginWithPasskey({ autofill: true, signal: page.signal }).then(openAccount, show);
    return () => page.abort();
  }, []);

  /** Calls a function with the fields of a form, and shows its error. React then empties the form. */
  const withFields = (use) => async (data) => {
    const fields = Object.fromEntries(data);
    setEmail(fields.email);
    setProblem("");
    await use(fields).catch(show);
  };

  const done = (message) => {
    setLink();
    setProblem(message);
  };
  const useReset = async (fields) => {
    await setPassword(link, fields);
    done("The new password is set. Sign in with it.");
  };
  const useAlarm = async () => {
    await link.finish({ change: link.change });
    done("All sessions have ended.");
  };

  return (
    <>
      <h1>Shop</h1>
      <p role="alert">{problem}</p>
      {link?.for === "reset" && (
        <form id="reset" action={withFields(useReset)}>
          <h2>Set a new password</h2>
          <label>
            Number, if you were given one <input name="match" inputMode="numeric" />
          </label>
          <label>
            New password <input name="newPassword" type="password" autoComplete="new-password" required />
          </label>
          <button>Set the password</button>
        </form>
      )}
      {link?.for === "alarm" && (
        <form id="alarm" action={withFields(useAlarm)}>
          <h2>Was this not you?</h2>
          <label>
            <input type="checkbox" name="change" required /> I did not make the change of the mail
          </label>
          <button>Sign out everywhere</button>
        </form>
      )}
      <form id="sign-in" action={withFields(async ({ email, password }) => openAccount(await logIn(email, password)))}>
        <h2>Sign in</h2>
        <label>
          E-mail <input name="email" type="email" defaultValue={email} autoComplete="username webauthn" required />
        </label>
        <label>
          Password <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <button>Sign in</button>
        <button type="button" id="passkey" onClick={() => client.loginWithPasskey().then(openAccount, show)}>
          Sign in with a passkey
        </button>
      </form>
      {!registration ? (
        <form
          id="register"
          action={withFields(async ({ email }) =>
            setRegistration(await client.register(email, { invite: link?.invite })),
          )}
        >
          <h2>Register</h2>
          <label>
            E-mail <input name="email" type="email" autoComplete="email" required />
          </label>
          <button>Send me a code</button>
        </form>
      ) : (
        <form id="confirm" action={withFields(async (account) => openAccount(await registration.finish(account)))}>
          <h2>Confirm your address</h2>
          {!registration.for && (
            <label>
              Code from the mail <input name="code" inputMode="numeric" autoComplete="one-time-code" required />
            </label>
          )}
          <label>
            New password <input name="password" type="password" autoComplete="new-password" required />
          </label>
          <button>Create the account</button>
        </form>
      )}
    </>
  );
}

import { askWith, createClient } from "ampho/client/mail";

export const client = createClient({
  baseUrl: "/",
  cookies: true,
  // A further passkey needs a login with the first one.
  onStepUp: askWith({ passkey: true }),
  onConfirm: () => prompt("The code from the mail that you just got"),
});

/** The browser throws a NotAllowedError if the user closes its dialog, or has no passkey. */
export const messageOf = ({ name, message }) => (name === "NotAllowedError" ? "No passkey was used." : message);

import { askWith, createClient } from "/ampho/client.js";

const client = createClient({
  baseUrl: "/",
  cookies: true,
  // A further passkey needs a login with the first one.
  onStepUp: askWith({ passkey: true }),
  onConfirm: () => prompt("The code from the mail that you just got"),
});
const find = (id) => document.querySelector(`#${id}`);
// The browser throws a NotAllowedError if the user closes its dialog, or has no passkey.
const show = ({ name, message }) => {
  document.querySelector("[role=alert]").textContent = name === "NotAllowedError" ? "No passkey was used." : message;
};

async function listPasskeys() {
  const passkeys = await client.passkeys.list();
  find("passkeys").replaceChildren(
    ...passkeys.map(({ name }) => Object.assign(document.createElement("li"), { textContent: name })),
  );
}

async function addPasskey() {
  show({ message: "" });
  const { recoveryCodes } = await client.passkeys.add({ name: "This device" });
  if (recoveryCodes.length > 0) {
    find("codes").textContent = `Keep these recovery codes:\n${recoveryCodes.join("\n")}`;
    find("codes").hidden = false;
  }
  await listPasskeys();
}

find("add").onclick = () => addPasskey().catch(show);
find("sign-out").onclick = () => client.logout().then(() => location.assign("/"), show);

async function load() {
  find("orders").textContent = (await (await client.fetch("/api/orders")).json()).text;
  await listPasskeys();
}
load().catch(show);

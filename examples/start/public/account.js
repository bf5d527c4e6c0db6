import { createClient } from "ampho/client/mail";

const client = createClient({ baseUrl: "/", cookies: true });
const find = (id) => document.querySelector(`#${id}`);
const show = (error) => {
  document.querySelector("[role=alert]").textContent = error.message;
};

async function listPasskeys() {
  const passkeys = await client.passkeys.list();
  find("passkeys").replaceChildren(
    ...passkeys.map(({ name }) => Object.assign(document.createElement("li"), { textContent: name })),
  );
}

async function addPasskey() {
  const { recoveryCodes } = await client.passkeys.add({ name: "This device" });
  if (recoveryCodes.length > 0) {
    find("codes").textContent = `Keep these recovery codes:\n${recoveryCodes.join("\n")}`;
    find("codes").hidden = false;
  }
  await listPasskeys();
}

find("add").onclick = () => addPasskey().catch(show);
find("sign-out").onclick = () => client.logout().then(() => location.assign("/"), show);

const response = await client.fetch("/api/orders");
find("orders").textContent = (await response.json()).text;
await listPasskeys();

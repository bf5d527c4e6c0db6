import { createClient } from "/ampho/client.js";

const client = createClient({ baseUrl: "/" });
const [form, hello, signOut] = document.querySelectorAll("form, p, [type=button]");
const say = (text) => hello.replaceChildren(text);

async function show(session) {
  form.hidden = session !== undefined;
  signOut.hidden = session === undefined;
  say(session ? await (await client.fetch("/hello")).text() : "");
}

form.onsubmit = (event) => {
  event.preventDefault();
  const { login, password } = form.elements;
  client.login(login.value, password.value).catch(({ message }) => say(message));
};
signOut.onclick = () => client.logout().catch(({ message }) => say(message));
client.onChange(show);
show(await client.session());

"use client";
import { askWith, type ClientSession, createClient, type Ways } from "ampho/client/full";
import { createOutside } from "ampho/client/outside";
import { useEffect, useState } from "react";

const client = createClient({ baseUrl: "/", cookies: true, onStepUp: askWith({ passkey: true }) });
const outside = createOutside(client);

export default function Page() {
  const [session, setSession] = useState<ClientSession>();
  const [providers, setProviders] = useState<Ways["providers"]>([]);
  const [text, setText] = useState("");
  const show = ({ message }: Error) => setText(message);
  useEffect(() => client.onChange(setSession), []);
  useEffect(() => void client.session().then(setSession), []);
  useEffect(() => void outside.returned().catch(show), []); // from a provider, by way of `returnTo`
  useEffect(() => void client.ways().then((ways) => setProviders(ways.providers), show), []);
  useEffect(() => {
    if (session) client.fetch(`/hello/${session.login}`).then(async (response) => setText(await response.text()));
  }, [session]);
  const signIn = (fields: FormData) =>
    void client.login(String(fields.get("login")), String(fields.get("password"))).catch(show);
  const signOut = () => client.logout().finally(() => setText(""));
  const passkey = session ? () => client.passkeys.add({ name: "This device" }) : () => client.loginWithPasskey();
  return (
    <main>
      <p role="status">{text}</p>
      <form action={session ? signOut : signIn}>
        {!session && <input name="login" aria-label="Login" autoComplete="username" />}
        {!session && <input name="password" aria-label="Password" type="password" autoComplete="current-password" />}
        <button type="submit">{session ? "Sign out" : "Sign in"}</button>
      </form>
      <button type="button" onClick={() => passkey().catch(show)}>{`${session ? "Add" : "Use"} a passkey`}</button>
      {providers.map(({ name, label }) => (
        <button key={name} type="button" onClick={() => outside.loginWith(name, { returnTo: "/account" }).catch(show)}>
          {`Sign in with ${label}`}
        </button>
      ))}
    </main>
  );
}

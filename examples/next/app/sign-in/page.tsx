"use client";
import { type ClientSession, createClient } from "ampho/client/ways";
import { useEffect, useState } from "react";

const client = createClient({ baseUrl: "/", cookies: true });

export default function Page() {
  const [session, setSession] = useState<ClientSession>();
  const [text, setText] = useState("");
  useEffect(() => client.onChange(setSession), []);
  useEffect(() => void client.session().then(setSession), []);
  useEffect(() => {
    if (session) client.fetch(`/hello/${session.login}`).then(async (response) => setText(await response.text()));
  }, [session]);
  const signIn = (fields: FormData) =>
    client.login(String(fields.get("login")), String(fields.get("password"))).catch(({ message }) => setText(message));
  const signOut = () => client.logout().finally(() => setText(""));
  return (
    <main>
      <p role="status">{text}</p>
      <form action={session ? signOut : (fields) => void signIn(fields)}>
        {!session && <input name="login" aria-label="Login" autoComplete="username" />}
        {!session && <input name="password" aria-label="Password" type="password" autoComplete="current-password" />}
        <button type="submit">{session ? "Sign out" : "Sign in"}</button>
      </form>
    </main>
  );
}

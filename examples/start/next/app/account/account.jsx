"use client";

import { useEffect, useState } from "react";
import { client, messageOf } from "../client";

export function Account() {
  const [problem, setProblem] = useState("");
  const [orders, setOrders] = useState("…");
  const [passkeys, setPasskeys] = useState([]);
  const [codes, setCodes] = useState([]);
  const show = (error) => setProblem(messageOf(error));

  async function load() {
    setOrders((await (await client.fetch("/api/orders")).json()).text);
    setPasskeys(await client.passkeys.list());
  }

  async function addPasskey() {
    setProblem("");
    const { recoveryCodes } = await client.passkeys.add({ name: "This device" });
    if (recoveryCodes.length > 0) setCodes(recoveryCodes);
    await load();
  }

  useEffect(() => {
    load().catch(show);
  }, []);

  return (
    <>
      <h1>Your account</h1>
      <p role="alert">{problem}</p>
      <p id="orders">{orders}</p>
      <h2>Passkeys</h2>
      <ul id="passkeys">
        {passkeys.map(({ id, name }) => (
          <li key={id}>{name}</li>
        ))}
      </ul>
      <button id="add" onClick={() => addPasskey().catch(show)}>
        Add a passkey
      </button>
      {codes.length > 0 && <pre id="codes">{["Keep these recovery codes:", ...codes].join("\n")}</pre>}
      <p>
        <button id="sign-out" onClick={() => client.logout().then(() => location.assign("/"), show)}>
          Sign out
        </button>
      </p>
    </>
  );
}

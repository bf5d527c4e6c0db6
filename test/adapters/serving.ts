// The instance and the server of the suite's tests.
import { afterAll, beforeAll, expect } from "vitest";
import type { Ampho, AmphoOptions } from "../../dist/index.js";
import { openAmpho } from "../world/ampho.js";
import { runningClock } from "../world/clock.js";
import { alice, editor } from "../world/people.js";
import { newKey } from "../world/tokens.js";
import { type Host, type Listening, resources, type Setup } from "./host.js";

/** The key of every instance in this folder, so that the table of cases can sign tokens for it. */
export const key = newKey("key-1");

const plainSetup: Setup = { front: false, parsers: false, takeOver: false };

/** An instance in which editors have a scope. The caller closes it. */
export function openInstance(options: AmphoOptions = {}) {
  const scopes = { editor: ["articles:write"], admin: ["articles:delete"] };
  return openAmpho({ key, scopes, resources, apiKeys: 100, clock: runningClock(), ...options }, editor);
}

/** Serves the framework's application under a setup, for the tests of one `describe`. */
export function serving(host: Host, setup: Partial<Setup> = {}, options: AmphoOptions = {}) {
  const clock = runningClock();
  const notices: string[] = [];
  const state: { ampho?: Ampho; listening?: Listening } = {};
  beforeAll(async () => {
    const log = (line: string) => void notices.push(line);
    const { ampho } = await openInstance({ clock, log, ...options });
    state.ampho = ampho;
    state.listening = await host.start(ampho, { ...plainSetup, ...setup });
  });
  afterAll(async () => {
    await state.listening?.close();
    await state.ampho?.close();
  });
  const port = () => state.listening?.port ?? 0;
  const call = (path: string, token?: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${port()}${path}`, {
      ...init,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...init.headers },
    });
  const post = (path: string, body: unknown, token?: string, headers: Record<string, string> = {}) =>
    call(path, token, {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    });
  const login = async (): Promise<string> => {
    const response = await post("/api/security/login", alice);
    expect(response.status).toBe(200);
    return (await response.json()).token;
  };
  const createApiKey = async (token: string): Promise<string> => {
    const response = await post("/api/security/api-keys", { name: "Suite", scopes: ["articles:write"] }, token);
    expect(response.status).toBe(201);
    return (await response.json()).key;
  };
  const closeDatabase = async () => state.ampho?.close();
  return { port, call, post, login, createApiKey, closeDatabase, clock, notices };
}

// Requests to the REST API over the network.
import { setTimeout as sleep } from "node:timers/promises";

/** The fields of a login response that most tests need. */
export interface Grant {
  readonly token: string;
  readonly refresh_token: string;
}

/** Sends JSON. A string is sent as it is. */
export function post(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/**
 * Sends a login. A server on a busy machine sheds some with the code `overloaded`, and this client comes again after the time
 * in the response, as the contract asks of clients. Every other response is returned.
 */
export async function postLogin(
  url: string,
  user: { readonly login: string; readonly password: string },
): Promise<Response> {
  for (;;) {
    const response = await post(`${url}/login`, user);
    if (response.status !== 503 || (await response.clone().json()).error !== "overloaded") return response;
    await sleep(1000 * Number(response.headers.get("retry-after")));
  }
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

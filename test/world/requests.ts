// Requests to the REST API over the network.
import { pause } from "./wait.js";

/** The fields of a login response that most tests need. */
export interface Grant {
  readonly token: string;
  readonly refresh_token: string;
}

/**
 * Sends JSON. A string is sent as it is. A server on a busy machine sheds some logins with the code `overloaded`, and this
 * client comes again after the time in the response, as the contract asks of clients. Every other response is returned.
 */
export async function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  for (;;) {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    if (response.status !== 503 || !(await response.clone().text()).includes('"overloaded"')) return response;
    await pause(1000 * Number(response.headers.get("retry-after")));
  }
}

export const postLogin = (url: string, user: { readonly login: string; readonly password: string }) =>
  post(`${url}/login`, user);

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

// Requests to the REST API over the network.

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

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

// The paths of the standalone server outside the REST API: they only allow GET and HEAD, and errors leave by the same way out.
import { AmphoError } from "../../errors.js";
import type { HttpResponse } from "../rest/message.js";

/** Returns the response of `respond`, or that of its error. */
export async function readOnly(
  route: string,
  method: string | undefined,
  refusal: (error: unknown) => HttpResponse,
  respond: () => HttpResponse | Promise<HttpResponse>,
): Promise<HttpResponse> {
  try {
    if (method !== "GET" && method !== "HEAD")
      throw new AmphoError("method_not_allowed", "This path allows only GET, HEAD.", { allow: ["GET", "HEAD"] });
    return { ...(await respond()), route };
  } catch (error) {
    return { ...refusal(error), route };
  }
}

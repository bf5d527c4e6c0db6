// The paths of the standalone server outside the REST API: they only allow GET and HEAD, and errors leave by the same way out.
import type { HttpResponse } from "../rest/message.js";
import { requireRead } from "../rest/root-documents.js";

/** Returns the response of `respond`, or that of its error. */
export async function readOnly(
  route: string,
  method: string | undefined,
  refusal: (error: unknown) => HttpResponse,
  respond: () => HttpResponse | Promise<HttpResponse>,
): Promise<HttpResponse> {
  try {
    requireRead(method);
    return { ...(await respond()), route };
  } catch (error) {
    return { ...refusal(error), route };
  }
}

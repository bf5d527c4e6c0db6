// The error that adapters give to their framework, with the members that http-errors, Express, Fastify and Koa read.
import { AmphoError } from "../../../errors.js";
import type { GuardHost } from "../host.js";
import type { HttpResponse } from "../message.js";
import { type PageHead, redirectToPages } from "./redirect-to-pages.js";

/**
 * A request that Ampho has rejected. `response` is what Ampho itself would send (docs/reference/errors.md).
 * @example
 * app.use(mount(ampho, { onRejected: (rejected, request, response, next) => next(rejected) }));
 * app.use((error: Error, request: Request, response: Response, next: NextFunction) => {
 *   if (!("code" in error)) return next(error);
 *   const { status, statusCode, headers, expose, code, details, message, response: own } = error as RejectedRequest;
 *   console.log(statusCode, headers, expose, details, own.body);
 *   response.status(status).json({ code, message });
 * });
 */
export class RejectedRequest extends AmphoError {
  /** The status of the response. Koa reads it. */
  readonly status: number;
  /** The same, as Express and Fastify read it. */
  readonly statusCode: number;
  /** The headers of the response, such as `WWW-Authenticate`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Frameworks can send the message to the client, because it reveals nothing internal. */
  readonly expose = true;
  /** The response that Ampho itself would send. */
  readonly response: HttpResponse;

  constructor(response: HttpResponse, error: unknown) {
    const known = error instanceof AmphoError;
    super(known ? error.code : "internal_error", messageOf(response), known ? error.details : {}, { cause: error });
    this.response = response;
    this.status = response.status;
    this.statusCode = response.status;
    // An error handler of the application writes a body of its own type.
    const { "Content-Type": _, ...headers } = response.headers;
    this.headers = headers;
  }
}

/** Converts an error once, because the response of a bug reports it. `page`: the requirements say `redirect`. */
export function toRejectedRequest(
  host: Pick<GuardHost, "errorResponse" | "pagesPrefix">,
  error: unknown,
  page?: PageHead,
): RejectedRequest {
  if (error instanceof RejectedRequest) return error;
  return new RejectedRequest(redirectToPages(host.pagesPrefix, error, page) ?? host.errorResponse(error), error);
}

/** An error handler of the application does not take part in a redirect. */
export const isRedirect = ({ status }: RejectedRequest): boolean => status === 303;

function messageOf({ body }: HttpResponse): string {
  const parsed: unknown = JSON.parse(body ?? "{}");
  const message = typeof parsed === "object" && parsed !== null && "message" in parsed ? parsed.message : undefined;
  return typeof message === "string" ? message : "The request was rejected.";
}

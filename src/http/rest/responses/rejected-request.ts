// The error that adapters give to their framework, with the members that http-errors, Express, Fastify and Koa read.
import { AmphoError } from "../../../errors.js";
import type { GuardHost } from "../host.js";
import type { HttpResponse } from "../message.js";
import { type PageHead, pageInPlaceOf, redirectToPages } from "./redirect-to-pages.js";

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

  /** `response`: a page in place of the plain one. */
  constructor(plain: HttpResponse, error: unknown, response = plain) {
    const known = error instanceof AmphoError;
    super(known ? error.code : "internal_error", messageOf(plain), known ? error.details : {}, { cause: error });
    this.response = response;
    this.status = plain.status;
    this.statusCode = plain.status;
    // An error handler of the application writes a body of its own type.
    const { "Content-Type": _, ...headers } = plain.headers;
    this.headers = headers;
  }
}

/** Converts an error once, because the response of a bug reports it. `page`: the requirements say `redirect`. */
export function toRejectedRequest(
  host: Pick<GuardHost, "errorResponse" | "errorPage" | "pagesPrefix">,
  error: unknown,
  page?: PageHead,
): RejectedRequest {
  if (error instanceof RejectedRequest) return error;
  const redirect = redirectToPages(host.pagesPrefix, error, page);
  if (redirect !== undefined) return new RejectedRequest(redirect, error);
  const plain = host.errorResponse(error);
  return new RejectedRequest(plain, error, pageInPlaceOf(plain, host, page));
}

/** An error handler of the application does not take part in a redirect. */
export const isRedirect = ({ status }: RejectedRequest): boolean => status === 303;

function messageOf({ body }: HttpResponse): string {
  const parsed: unknown = JSON.parse(body ?? "{}");
  const message = typeof parsed === "object" && parsed !== null && "message" in parsed ? parsed.message : undefined;
  return typeof message === "string" ? message : "The request was rejected.";
}

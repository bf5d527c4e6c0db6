// A refusal as frameworks know errors: with the members that http-errors, Express, Fastify and Koa read.
import { AmphoError } from "../../../errors.js";
import type { HttpResponse } from "../message.js";

/** What an adapter gives to its framework's own way of errors. `answer` is what contract §4 says about it. */
export class RejectedRequest extends AmphoError {
  readonly status: number;
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The message is for whoever sent the request: it tells nothing of the inside. */
  readonly expose = true;
  readonly response: HttpResponse;

  constructor(response: HttpResponse, error: unknown) {
    const known = error instanceof AmphoError;
    super(known ? error.code : "internal_error", messageOf(response), known ? error.details : {}, { cause: error });
    this.response = response;
    this.status = response.status;
    this.statusCode = response.status;
    // Whoever takes a refusal over writes a body of their own.
    const { "Content-Type": _, ...headers } = response.headers;
    this.headers = headers;
  }
}

/** Once per error: what is no AmphoError is reported as a bug when its answer is made. */
export function toRejectedRequest(host: { refusal(error: unknown): HttpResponse }, error: unknown): RejectedRequest {
  return error instanceof RejectedRequest ? error : new RejectedRequest(host.refusal(error), error);
}

function messageOf({ body }: HttpResponse): string {
  const parsed: unknown = JSON.parse(body ?? "{}");
  const message = typeof parsed === "object" && parsed !== null && "message" in parsed ? parsed.message : undefined;
  return typeof message === "string" ? message : "The request was refused.";
}

// The interface of transports.
import { isError } from "../../errors.js";
import type { Message } from "../message.js";

export interface Transport {
  /** Resolves once the receiver has accepted the mail. Rejects with MailFailure, within 35 seconds. */
  send(message: Message): Promise<void>;
  /** A sentence about an accepted mail, for the operator. */
  readonly accepted: string;
  /** Resolves to a sentence about the connection, and sends no mail. Rejects with MailFailure. */
  check?(): Promise<string>;
  /** Closes all connections. Mails that are being sent fail. */
  close?(): void;
}

/** The code of an error of Node, such as `ENOSPC`. Its message can contain a path or an address. */
export function systemCodeOf(error: unknown): string {
  return isError(error) && "code" in error && typeof error.code === "string" ? error.code : "unknown error";
}

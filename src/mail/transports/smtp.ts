// Sends mails to a mail server by SMTP (RFC 5321), through the package nodemailer, which is an optional peer. A mail
// never leaves the machine in clear: `smtp:` requires STARTTLS (RFC 3207) and `smtps:` begins with TLS (RFC 8314 §3.3),
// both with a checked certificate. Only a server on the loopback interface is used without TLS.
import type { Clock } from "../../clock.js";
import { ConfigurationError, isError, isNotInstalled } from "../../errors.js";
import { isLoopback } from "../../outbound/secure-url.js";
import { MailFailure } from "../mail-failure.js";
import type { Message } from "../message.js";
import { composeMime } from "../mime.js";
import type { Transport } from "./transport.js";

/** To connect, to receive the greeting, to resolve the name. */
const stepTimeoutMs = 10_000;
/** A server that sends one octet after the other never exceeds the limit of a step. */
const sendTimeoutMs = 30_000;
const connectionsMax = 3;
/** Servers close idle connections after minutes. This is earlier, so that no mail meets a closed connection. */
const idleMs = 20_000;

export async function createSmtp(url: URL, clock: Pick<Clock, "now">): Promise<Transport> {
  const { createTransport } = await loadNodemailer();
  const options = optionsOf(url);
  const transporter = createTransport(options);
  return {
    async send(message) {
      const mail = rawMail(message, clock.now());
      const abortion = new AbortController();
      const timer = setTimeout(() => abortion.abort(), sendTimeoutMs);
      try {
        await transporter.sendMail({ ...mail, signal: abortion.signal });
      } catch (error) {
        if (abortion.signal.aborted)
          throw new MailFailure(`The mail server did not accept the mail within ${sendTimeoutMs / 1000} s.`);
        throw failureOf(error);
      } finally {
        clearTimeout(timer);
      }
    },
    accepted: "The mail server accepted the mail.",
    async check() {
      try {
        await transporter.verify();
      } catch (error) {
        throw failureOf(error);
      }
      const { host, port, secure, requireTLS, auth } = options;
      const protection = secure || requireTLS ? "with TLS" : "without TLS, which stays on this machine";
      return `Connected to ${host}:${port} ${protection}${auth === undefined ? "" : ", and signed in"}.`;
    },
    close: () => transporter.close({ force: true }),
  };
}

async function loadNodemailer(): Promise<Pick<typeof import("nodemailer"), "createTransport">> {
  try {
    return await import("nodemailer");
  } catch (error) {
    if (!isNotInstalled(error)) throw error;
    throw new ConfigurationError(
      "AMPHO_MAIL_URL names a mail server, which needs the package nodemailer. Install it: npm install nodemailer",
    );
  }
}

function optionsOf({ protocol, hostname, port, username, password }: URL) {
  const host = hostname.replace(/^\[|\]$/g, "");
  const secure = protocol === "smtps:";
  const isLocal = isLoopback(hostname);
  return {
    pool: true as const,
    maxConnections: connectionsMax,
    idleTimeout: idleMs,
    // A mail whose connection was closed before its first octet goes out over another one, once.
    maxRequeues: 1,
    host,
    port: port === "" ? (secure ? 465 : 587) : Number(port),
    secure,
    requireTLS: !isLocal,
    // The certificate of a local mail server is often for no name at all, and nothing is on the network.
    ignoreTLS: isLocal,
    tls: { rejectUnauthorized: true },
    ...(username !== "" && { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
    connectionTimeout: stepTimeoutMs,
    greetingTimeout: stepTimeoutMs,
    dnsTimeout: stepTimeoutMs,
    socketTimeout: sendTimeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** The envelope has one recipient, as an object, so that nodemailer parses no list of addresses. */
function rawMail(message: Message, now: number) {
  return {
    raw: composeMime(message, now),
    envelope: { from: { name: "", address: message.from.address }, to: [{ name: "", address: message.to }] },
  };
}

/** Errors of the connection. Their messages are those of Node and nodemailer, and contain nothing of the mail. */
const connectionErrors: readonly unknown[] = ["ETLS", "ESOCKET", "ECONNECTION", "ETIMEDOUT", "EDNS"];
/** Errors about this recipient or this mail. */
const mailErrors: readonly unknown[] = ["EENVELOPE", "EMESSAGE"];

/**
 * A rejected recipient or mail is permanent. A rejected sender or password is a matter of the configuration, and the
 * mail can go out once that is fixed. Code 503 is about the connection (RFC 5321 §4.2.2).
 */
function failureOf(error: unknown): MailFailure {
  const { code, command, response, responseCode } = smtpErrorOf(error);
  if (responseCode === undefined && mailErrors.includes(code))
    return new MailFailure("nodemailer rejected the mail.", { permanent: true });
  if (responseCode !== undefined) {
    const permanent =
      mailErrors.includes(code) &&
      command !== "MAIL FROM" &&
      Math.floor(responseCode / 100) === 5 &&
      responseCode !== 503;
    const [, status] = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response) ?? [];
    const step = command.replace(/[^A-Z0-9 -]/g, "");
    return new MailFailure(
      `The mail server rejected ${step || "the mail"} with ${[responseCode, status].filter(Boolean).join(" ")}.`,
      { permanent },
    );
  }
  const reason = connectionErrors.includes(code) && isError(error) ? `: ${error.message}` : "";
  return new MailFailure(
    `The mail server cannot be used (${typeof code === "string" ? code : "unknown error"}${reason}).`,
  );
}

function smtpErrorOf(error: unknown) {
  const { code, command, response, responseCode }: Readonly<Record<string, unknown>> = isError(error)
    ? { ...error }
    : {};
  return {
    code,
    command: typeof command === "string" ? command : "",
    response: typeof response === "string" ? response : "",
    responseCode: typeof responseCode === "number" ? responseCode : undefined,
  };
}

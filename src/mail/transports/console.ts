// Prints mails into the log, for development. Production rejects it, because the log would contain codes and links.
import { escaped } from "../../config/redact.js";
import type { Transport } from "./transport.js";

export function createConsole(log: (line: string) => void): Transport {
  return {
    send({ kind, to, subject, text }) {
      const lines = [`To: ${to}`, `Subject: ${subject}`, "", ...text.trimEnd().split("\n")];
      log([`mail (${kind})`, ...lines.map((line) => `  ${escaped(line)}`.trimEnd())].join("\n"));
      return Promise.resolve();
    },
    accepted: "The mail is in the log.",
    close: () => Promise.resolve(),
  };
}

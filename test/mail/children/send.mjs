// Sends one message through AMPHO_MAIL_URL, and prints the outcome. A process of its own can trust other certificates.
import { createTransport } from "../../../dist/mail/transports/create.js";

const [mailUrl, message] = process.argv.slice(2);
const transport = await createTransport({ mailUrl }, { clock: { now: () => 1_790_000_000 }, log: console.error });
const outcome = await transport.send(JSON.parse(message)).then(
  () => "sent",
  (error) => `${error.name}: ${error.message}`,
);
transport.close?.();
console.log(outcome);

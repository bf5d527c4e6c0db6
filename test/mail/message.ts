// The message that the tests of this folder send.
import type { Message } from "../../dist/mail/message.js";

export const message: Message = {
  id: "id0",
  kind: "login",
  language: "en",
  to: "ann@example.com",
  from: { name: "Shop", address: "no-reply@shop.example" },
  subject: "Sign in to Shop",
  text: "Enter this code:\n\n12 34 56 78\n",
  html: "<p>Enter this code:</p>\n<p>12 34 56 78</p>\n",
};

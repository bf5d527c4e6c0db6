// The scrypt variant of Firebase (github.com/firebase/scrypt), in the spelling that Supabase and Hanko import. The signer key
// of the project is part of every stored hash.

import { createCipheriv } from "node:crypto";
import { equalBytes } from "../../crypto/equal.js";
import { decodeAnyBase64 } from "./base64.js";
import { checkScrypt, type HashReader, malformed, scrypt } from "./scheme.js";

const form = /^\$fbscrypt\$v=1,n=(\d{1,2}),r=(\d{1,3}),p=1(?:,ss=([^,$]*))?,sk=([^,$]+)\$([^$]+)\$([^$]+)$/;

export const readFirebase: HashReader = (stored) => {
  if (!stored.startsWith("$fbscrypt$")) return undefined;
  const [, logN, rounds, ...parts] = form.exec(stored) ?? [];
  const [separator, signerKey, salt, output] = parts.map((part = "") => decodeAnyBase64(part));
  if (separator === undefined || !salt?.length || !signerKey || !output) return malformed;
  if (output.length !== signerKey.length || output.length < 32 || output.length > 128) return malformed;
  const cost = { n: 2 ** Number(logN), r: Number(rounds), p: 1 };
  return (
    checkScrypt(cost) ?? {
      format: "firebase-scrypt",
      verify(text) {
        const key = scrypt(text, Buffer.concat([salt, separator]), 32, cost);
        // The hash is the signer key, encrypted with the scrypt output of the password.
        return equalBytes(createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(signerKey), output);
      },
    }
  );
};

import { hash, verify } from "@node-rs/argon2";
import { serve } from "./express.mjs";

serve({ hash: (password) => hash(password), verify });

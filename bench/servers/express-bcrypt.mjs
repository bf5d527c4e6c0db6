import bcrypt from "bcrypt";
import { serve } from "./express.mjs";

serve({ hash: (password) => bcrypt.hash(password, 10), verify: (hash, password) => bcrypt.compare(password, hash) });

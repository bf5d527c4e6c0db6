// Stops `npm publish` while package.json has the placeholders of CONTRIBUTING.md ("Publish the first version").
import { readFileSync } from "node:fs";

const { homepage } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
if (new URL(homepage).hostname.endsWith(".invalid")) {
  process.stderr.write("homepage, repository and bugs of package.json are placeholders. See CONTRIBUTING.md.\n");
  process.exit(1);
}

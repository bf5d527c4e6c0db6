import { guarded } from "ampho/node";
import { fromNodeMiddleware } from "h3";
import { ampho } from "../../ampho";

export default fromNodeMiddleware(guarded(ampho, (request, response) => response.end(`Hello ${request.auth.login}`)));

import { describeHost } from "../suite.js";
import { onExpress, onFastify } from "./app.js";

describeHost(onExpress);
describeHost(onFastify);

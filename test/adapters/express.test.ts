import express from "express";
import express4 from "express4";
import { expressHost } from "./express-app.js";
import { describeHost } from "./suite.js";

describeHost(expressHost("ampho/express on Express 5", express));
describeHost(expressHost("ampho/express on Express 4", express4));

// An HTTP API that quotes prices, with the function that answers it.

import * as pulumi from "@pulumi/pulumi";
import * as tidegate from "@tidegate-io/pulumi";

const config = new pulumi.Config();

const shop = new tidegate.HttpApi("shop", {
    name: config.require("name"),
    routes: {
        "GET /quotes/{item}": { function: "quote" },
    },
    functions: {
        quote: {
            source: "./quote",
            runtime: config.require("runtime"),
            handler: "index.handler",
            timeout: "5s",
            environment: { CURRENCY: config.require("currency") },
            // Encrypted in the state, and shown nowhere. Another version hands on another value.
            secretsWo: { SIGNING_KEY: config.requireSecret("signingKey") },
            secretsVersion: "1",
        },
    },
});

export const url = shop.url;
export const releaseId = shop.releaseId;
export const alias = shop.functions.quote.aliasArn;

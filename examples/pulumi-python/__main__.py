"""An HTTP API that quotes prices, with the function that answers it."""

import pulumi
import pulumi_tidegate as tidegate

config = pulumi.Config()

shop = tidegate.HttpApi(
    "shop",
    name=config.require("name"),
    routes={
        "GET /quotes/{item}": {"function": "quote"},
    },
    functions={
        "quote": {
            "source": "./quote",
            "runtime": config.require("runtime"),
            "handler": "app.handler",
            "timeout": "5s",
            "environment": {"CURRENCY": config.require("currency")},
            # Encrypted in the state, and shown nowhere. Another version hands on another value.
            "secrets_wo": {"SIGNING_KEY": config.require_secret("signingKey")},
            "secrets_version": "1",
        },
    },
)

pulumi.export("url", shop.url)
pulumi.export("releaseId", shop.release_id)
pulumi.export("alias", shop.functions["quote"].alias_arn)

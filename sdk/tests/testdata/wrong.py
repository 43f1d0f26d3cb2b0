"""What Python lets pass, and the package does not."""

import pulumi
import pulumi_tidegate as tidegate


greet = {
    "source": "./quote",
    "runtime": "python3.11",
    "handler": "app.handler",
    "memory": "plenty",
    "layers": "base.zip",
    "memry": 512,
    "secrets_wo": {"SIGNING_KEY": pulumi.Config().require_secret("signingKey")},
    "secrets_version": "1",
}
tidegate.Queue("orders", name="orders", consumer={"batch_size": 5}, functions={"greet": greet})

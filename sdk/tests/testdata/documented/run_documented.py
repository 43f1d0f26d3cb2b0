"""Runs programs against an engine that looks whether the schema knows what it is given, and
answers with whatever the schema allows."""

import asyncio
import importlib
import json
import sys

import pulumi
from pulumi.runtime.rpc import _special_sig_key as signature

with open(sys.argv[1]) as file:
    schema = json.load(file)


def object_of(spec):
    return schema["types"][spec["$ref"].removeprefix("#/types/")]["properties"]


def revealed(value):
    """The value, which may be a secret."""
    return value["value"] if isinstance(value, dict) and signature in value else value


def same(name):
    return name


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def check(value, spec, path, meant=same):
    """Fails unless the schema has all names in a value, as they are meant."""
    value = revealed(value)
    if "$ref" in spec:
        check_object(value, object_of(spec), path, meant)
    elif spec["type"] == "array":
        for i, element in enumerate(value):
            check(element, spec["items"], f"{path}[{i}]", meant)
    elif spec["type"] == "object":
        for key, element in value.items():
            check(element, spec["additionalProperties"], f"{path}.{key}", meant)
    elif isinstance(value, (dict, list)):
        raise TypeError(f"{path} is to be of the type {spec['type']}")


def check_object(values, properties, path, meant=same):
    for name, value in values.items():
        if meant(name) not in properties:
            raise TypeError(f"there is no {path}.{name}")
        check(value, properties[meant(name)], f"{path}.{name}", meant)


def make(spec):
    """A value as the schema says."""
    if "$ref" in spec:
        return make_object(object_of(spec))
    if spec["type"] == "array":
        return [make(spec["items"])]
    return {"string": "", "integer": 0, "number": 0.0, "boolean": False, "object": {}}[spec["type"]]


def make_object(properties):
    return {name: make(spec) for name, spec in properties.items()}


class Engine(pulumi.runtime.Mocks):
    def new_resource(self, args):
        if args.typ.startswith("pulumi:providers:"):
            properties = schema["provider"]["inputProperties"]
            # Those of a provider's inputs that are no text travel as JSON, with Python's
            # names, which the plugin knows.
            inputs = {
                name: json.loads(revealed(value)) if "$ref" in properties.get(name, {}) else value
                for name, value in args.inputs.items()
            }
            check_object(inputs, properties, args.name, camel)
            return args.name, inputs
        resource = schema["resources"][args.typ]
        check_object(args.inputs, resource["inputProperties"], args.name)
        outputs = make_object(resource["properties"])
        if "functions" in outputs:
            function = resource["properties"]["functions"]["additionalProperties"]
            outputs["functions"] = {name: make(function) for name in revealed(args.inputs["functions"])}
        return args.name, outputs

    def call(self, args):
        function = schema["functions"][args.token]
        check_object(args.args, function["inputs"]["properties"], args.token)
        if "properties" in function["outputs"]:
            return make_object(function["outputs"]["properties"])
        return {"result": make(function["outputs"])}


def main(programs):
    pulumi.runtime.set_mocks(Engine(), preview=False)
    for key in ("apiKey", "stagingToken"):
        pulumi.runtime.set_config(f"project:{key}", "secret")
    for name in programs:
        importlib.import_module(name)
    asyncio.get_event_loop().run_until_complete(pulumi.runtime.stack.wait_for_rpcs())


main(sys.argv[2:])

"""The messages of `proto/health.proto`; their types are in `health.pyi`, which `make proto` writes."""

from katib.rpc.descriptors import contents

globals().update(contents("health.proto"))

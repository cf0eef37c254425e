"""The messages of `proto/api.proto`; their types are in `api.pyi`, which `make proto` writes."""

from katib.rpc.descriptors import contents

globals().update(contents("api.proto"))

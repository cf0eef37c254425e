"""The messages of `proto/operations.proto`; their types are in `operations.pyi`, which `make proto` writes."""

from katib.rpc.descriptors import contents

globals().update(contents("operations.proto"))

"""The messages of `proto/rpc_status.proto`; their types are in `rpc_status.pyi`, which `make proto` writes."""

from katib.rpc.descriptors import contents

globals().update(contents("rpc_status.proto"))

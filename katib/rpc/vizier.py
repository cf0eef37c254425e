"""The messages of `proto/vizier.proto`; their types are in `vizier.pyi`, which `make proto` writes."""

from katib.rpc.descriptors import contents

globals().update(contents("vizier.proto"))

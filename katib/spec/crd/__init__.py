"""The CustomResourceDefinitions, made from the types: `python -m katib.spec.crd` writes manifests/crds."""

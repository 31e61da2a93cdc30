"""What the engine starts for `pulumi package add …/components`: the components as a provider."""

from velero_on_eks.host import serve

if __name__ == "__main__":
    serve()

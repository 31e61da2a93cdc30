"""Plain dicts that AWS, Helm and Kubernetes read. Pure: nothing here imports a provider's SDK or knows an engine."""

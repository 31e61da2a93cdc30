"""The stand-in for a node: it runs the Velero server that a Pod asks for, and says of other Pods that they run.

The Pods come from the real deployment and replicaset controllers. They are bound to no node, which is why deleting
one takes effect at once.
"""

"""What stands in the way of a stack: facts gathered once, and checks over them."""

"""How long a test waits for what always comes, in seconds. Only a hang takes so long, on however busy a machine."""

HANG = 300

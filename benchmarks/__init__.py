"""What things cost, measured as ratios within one run, so that the machine and its day do not matter."""

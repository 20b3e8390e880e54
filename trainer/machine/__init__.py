"""What this machine gives to this process: CPUs, control groups, other processes. No torch."""

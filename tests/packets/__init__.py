"""Real packets of real workloads on real Open vSwitch, with networks made by the real OpenStack SDK."""

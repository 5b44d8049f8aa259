"""The loop on a host: observe, compute, apply, report."""

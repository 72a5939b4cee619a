"""Traffic on record under another policy, and the smallest policy that lets it through. Pure: records come in."""

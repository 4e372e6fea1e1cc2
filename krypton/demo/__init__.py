"""``make demo``: real files, two hospitals, one region. Every line shown is a command that was really run."""

"""Early stopping algorithms: one file each."""

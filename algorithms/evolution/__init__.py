"""Evolution: distributions and populations that move from generation to generation."""

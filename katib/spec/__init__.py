"""What a user writes: Experiment documents in; typed values, rendered trial templates and precise faults out."""

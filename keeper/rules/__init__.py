"""thinks. Pure decisions: no I/O, no clock, no thread. Everything a rule needs comes in as an argument."""
